using Kfac.Training;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using Spectre.Console;

namespace FashionMnist;

/// <summary>A line for each epoch, and warnings as they come.</summary>
internal sealed class TrainingDisplay
{
    private bool _begun;

    public void Update(EpochReport report)
    {
        if (!_begun)
        {
            AnsiConsole.MarkupLine("[bold]  epoch     loss   training  validation   images/s   time left[/]");
            _begun = true;
        }

        double left = report.Seconds / report.Epoch * (report.Epochs - report.Epoch);
        AnsiConsole.MarkupLine(
            $"{report.Epoch,4}/{report.Epochs,-2}  {report.TrainingLoss,7:F4}   {report.TrainingAccuracy,7:P1}  [bold]{report.ValidationAccuracy,10:P1}[/]   {report.ImagesPerSecond,8:F0}   {left,7:F0} s");
    }

    public void Warn(LoggingEventArgs message)
    {
        if (message.Kind is ChannelMessageKind.Warning or ChannelMessageKind.Error)
        {
            AnsiConsole.MarkupLineInterpolated($"[yellow]{message.RawMessage}[/]");
        }
    }
}
