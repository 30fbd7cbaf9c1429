using Microsoft.ML;
using Microsoft.ML.Runtime;
using Spectre.Console;

namespace MLNetKfac.Tool.Terminal;

/// <summary>
/// Lines of text and, on a terminal, a last line that changes. Where the output goes to a file or another program there are only
/// lines, without colours and as long as they come. Once a terminal is closed, nothing is written any more: the work goes on, or ends
/// as it should.
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
    private bool _isClosed;

    /// <param name="writer">Where to write: the output, or the error output where the output is for a program.</param>
    public Screen(TextWriter writer)
    {
        var output = new AnsiConsoleOutput(writer);
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = output,
            Ansi = output.IsTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = output.IsTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        IsLive = _console.Profile.Out.IsTerminal && _console.Profile.Capabilities.Ansi;
        Width = _console.Profile.Out.IsTerminal ? _console.Profile.Width : UsualWidth;
        if (!_console.Profile.Out.IsTerminal)
        {
            _console.Profile.Width = NoLimit;
        }

        _timer = IsLive ? new Timer(_ => Change(() => { }), null, RedrawInterval, RedrawInterval) : null;
    }

    /// <summary>Whether there is a line that changes.</summary>
    public bool IsLive { get; }

    /// <summary>Columns of text that fit; 80 where nobody knows.</summary>
    public int Width { get; }

    /// <summary>Characters before a line breaks: the terminal's width, or any number where there are only lines.</summary>
    public int MaxLength => _console.Profile.Width;

    /// <summary>A line of Spectre.Console markup.</summary>
    public void Line(string markup = "") => Change(() => _console.MarkupLine(Printable(markup)));

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
    public void ShowStatus(Func<string>? status) => Change(() => _status = status);

    public void Dispose()
    {
        ShowStatus(null);
        _timer?.Dispose();
    }

    /// <summary>Names of files and folders may hold line ends and commands to a terminal; a line is a line.</summary>
    private static string Printable(string text) => string.Concat(text.Select(letter => char.IsWhiteSpace(letter) ? ' ' : char.IsControl(letter) ? '\ufffd' : letter));

    /// <summary>Does something between taking the last line away and drawing it again.</summary>
    private void Change(Action change)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            try
            {
                Clear();
                change();
                Draw();
            }
            catch (IOException) when (_console.Profile.Out.IsTerminal)
            {
                _isClosed = true;
            }
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
            _console.Markup(Printable(_status()));
        }
    }
}
