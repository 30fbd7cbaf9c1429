using MLNetKfac.Tool.Terminal;
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
            Complain(MessageOf(e is InvalidOperationException ? e.GetBaseException() : e));
            return Failed;
        }
    }

    /// <summary>The message without the name of a parameter, which is nothing that a command line has.</summary>
    public static string MessageOf(Exception exception) => exception is ArgumentException { ParamName: not null } ? exception.Message.Split(" (Parameter '")[0] : exception.Message;

    /// <summary>Writes a line about what is wrong to the error output.</summary>
    public static void Complain(string message)
    {
        using Screen errors = new(Console.Error);
        errors.Line($"[red]{Markup.Escape($"kfac: {message}")}[/]");
    }
}
