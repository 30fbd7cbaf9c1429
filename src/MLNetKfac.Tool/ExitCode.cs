using Spectre.Console;

namespace MLNetKfac.Tool;

/// <summary>What a command comes to, for scripts.</summary>
internal static class ExitCode
{
    public const int Done = 0, Failed = 1, Usage = 2, Interrupted = 3, Killed = 130;

    /// <summary>Runs a command; what goes wrong becomes a line on the error output and a code.</summary>
    public static int Of(Func<int> command)
    {
        try
        {
            return command();
        }
        catch (OperationCanceledException)
        {
            Complain("interrupted: there is nothing to save yet");
            return Killed;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or InvalidDataException or ArgumentException or InvalidOperationException or NotSupportedException or Kfac.Optimizers.TrainingDivergedException or Kfac.Parallel.CommunicatorException)
        {
            // ML.NET wraps what its loading threads throw.
            Complain((e is InvalidOperationException ? e.GetBaseException() : e).Message);
            return Failed;
        }
    }

    private static void Complain(string message)
    {
        IAnsiConsole errors = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        if (!errors.Profile.Out.IsTerminal)
        {
            // A program that reads the message wants it in one line.
            errors.Profile.Width = int.MaxValue;
        }

        errors.Write(new Text($"kfac: {message}", new Style(Color.Red)));
        errors.WriteLine();
    }
}
