using System.Diagnostics;
using Kfac.Models;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetKfac;
using Spectre.Console;

namespace Samples.Terminal;

/// <summary>A line for each epoch, which on a terminal grows while the epoch runs, and warnings as they come.</summary>
internal sealed class TrainingDisplay
{
    private const string Erase = "\r\u001b[2K";

    private static readonly TimeSpan RedrawInterval = TimeSpan.FromSeconds(0.2);

    private readonly bool _live = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;
    private readonly Stopwatch _sinceRedraw = Stopwatch.StartNew();
    private bool _begun;

    public void Update(KfacImageClassificationMetrics metrics)
    {
        if (metrics.Epoch is { } epoch)
        {
            Show(epoch);
        }
        else if (_live && metrics.Batch is { } batch && _sinceRedraw.Elapsed > RedrawInterval)
        {
            Console.Write($"{Erase}{batch.Epoch,4}     {batch.Loss,7:F4}   {batch.Accuracy,7:P1}   step {batch.Batch} of {batch.BatchCount}");
            _sinceRedraw.Restart();
        }
    }

    public void Warn(LoggingEventArgs message)
    {
        if (message.Kind is ChannelMessageKind.Warning or ChannelMessageKind.Error)
        {
            AnsiConsole.MarkupLineInterpolated($"[yellow]{message.RawMessage}[/]");
        }
    }

    private void Show(EpochReport report)
    {
        if (_live)
        {
            Console.Write(Erase);
        }

        if (!_begun)
        {
            AnsiConsole.MarkupLine("[bold]  epoch     loss   training  validation   images/s   time left[/]");
            _begun = true;
        }

        string validation = report.ValidationAccuracy is { } accuracy ? $"{accuracy,10:P1}" : $"{"-",10}";
        double left = report.Seconds / report.Epoch * (report.Epochs - report.Epoch);
        AnsiConsole.MarkupLine(
            $"{report.Epoch,4}/{report.Epochs,-2}  {report.TrainingLoss,7:F4}   {report.TrainingAccuracy,7:P1}  [bold]{validation}[/]   {report.ImagesPerSecond,8:F0}   {left,7:F0} s");
    }
}
