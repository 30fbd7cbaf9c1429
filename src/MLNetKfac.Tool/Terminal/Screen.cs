using Microsoft.ML;
using Microsoft.ML.Runtime;
using Spectre.Console;

namespace MLNetKfac.Tool.Terminal;

/// <summary>
/// Lines of text and, on a terminal, a last line that changes. Where the output goes to a file or another program there are only
/// lines, without colours and as long as they come.
/// </summary>
internal sealed class Screen : IDisposable
{
    private const string Erase = "\r\u001b[2K";

    /// <summary>Wide enough for any line, so that none is broken.</summary>
    private const int NoLimit = 100_000;

    private const int UsualWidth = 80;

    private static readonly TimeSpan RedrawInterval = TimeSpan.FromSeconds(0.2);

    private readonly IAnsiConsole _console;
    private readonly Timer? _timer;
    private readonly Lock _lock = new();
    private Func<string>? _status;

    /// <param name="toErrors">Whether the error output is written to, because the output is for a program.</param>
    /// <param name="isSilent">Whether nothing is shown, because another process shows it.</param>
    public Screen(bool toErrors = false, bool isSilent = false)
    {
        _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(isSilent ? TextWriter.Null : toErrors ? Console.Error : Console.Out) });
        IsLive = _console.Profile.Out.IsTerminal && _console.Profile.Capabilities.Ansi;
        Width = _console.Profile.Out.IsTerminal ? _console.Profile.Width : UsualWidth;
        if (!_console.Profile.Out.IsTerminal)
        {
            _console.Profile.Width = NoLimit;
        }

        _timer = IsLive ? new Timer(_ => Redraw(), null, RedrawInterval, RedrawInterval) : null;
    }

    /// <summary>Whether there is a line that changes.</summary>
    public bool IsLive { get; }

    /// <summary>Columns of text that fit; 80 where nobody knows.</summary>
    public int Width { get; }

    /// <summary>A line of Spectre.Console markup.</summary>
    public void Line(string markup = "")
    {
        lock (_lock)
        {
            Clear();
            _console.MarkupLine(markup);
            Draw();
        }
    }

    /// <summary>A warning.</summary>
    public void Warn(string message) => Line($"[yellow]{Markup.Escape(message)}[/]");

    /// <summary>Shows the warnings of an ML.NET context.</summary>
    public void ShowWarningsOf(MLContext mlContext) => mlContext.Log += (_, message) =>
    {
        if (message.Kind is ChannelMessageKind.Warning or ChannelMessageKind.Error)
        {
            Warn(message.RawMessage);
        }
    };

    /// <summary>Sets what the last line shows from now on, as markup that is asked for again and again; null for no such line.</summary>
    public void ShowStatus(Func<string>? status)
    {
        lock (_lock)
        {
            Clear();
            _status = status;
            Draw();
        }
    }

    public void Dispose()
    {
        ShowStatus(null);
        _timer?.Dispose();
    }

    private void Redraw()
    {
        lock (_lock)
        {
            Clear();
            Draw();
        }
    }

    private void Clear()
    {
        if (IsLive && _status is not null)
        {
            _console.Profile.Out.Writer.Write(Erase);
        }
    }

    private void Draw()
    {
        if (IsLive && _status is not null)
        {
            _console.Markup(_status());
        }
    }
}
