using System.Diagnostics;

namespace MLNetKfac.Tool.Tests;

/// <summary>The command as a second process, its output going to this one.</summary>
internal static class ToolProcess
{
    /// <summary>Past this a command hangs: none takes a minute.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>A word for <c>env</c>.</summary>
    private const string HearsSignals = "--default-signal=INT,HUP";

    /// <summary>What a run came to.</summary>
    public sealed record Outcome(int Code, string[] Output, string[] Errors)
    {
        public override string ToString() => $"code {Code}{Environment.NewLine}{string.Join(Environment.NewLine, Output)}{Environment.NewLine}{string.Join(Environment.NewLine, Errors)}";
    }

    public static Outcome Run(params string[] arguments)
    {
        using Process process = Start(arguments);
        return Wait(process);
    }

    public static Process Start(params string[] arguments) => StartProgram("dotnet", [Path.Combine(AppContext.BaseDirectory, "kfac.dll"), .. arguments]);

    /// <summary>The same, hearing signals even where these tests run in the background or under nohup: such processes ignore some, and their children too.</summary>
    public static Process StartHearingInterrupts(params string[] arguments) =>
        StartProgram("env", [HearsSignals, "dotnet", Path.Combine(AppContext.BaseDirectory, "kfac.dll"), .. arguments]);

    /// <summary>The same on a terminal, which closes when the process that is returned, its <c>script</c>, is killed.</summary>
    public static Process StartOnTerminal(params string[] arguments) =>
        StartProgram("env", [HearsSignals, "script", "-qefc", string.Join(' ', ((string[])["dotnet", Path.Combine(AppContext.BaseDirectory, "kfac.dll"), .. arguments]).Select(word => $"'{word}'")), "/dev/null"]);

    /// <summary>So many of it, started by mpirun.</summary>
    public static Process StartRanks(int ranks, params string[] arguments)
    {
        string[] asRoot = Environment.UserName == "root" ? ["--allow-run-as-root"] : [];
        return StartProgram("env", ["TERM=dumb", "mpirun", .. asRoot, "--oversubscribe", "--bind-to", "none", "-n", $"{ranks}", "dotnet", Path.Combine(AppContext.BaseDirectory, "kfac.dll"), .. arguments]);
    }

    private static Process StartProgram(string program, string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        StandardOutputEncoding = System.Text.Encoding.UTF8,
        StandardErrorEncoding = System.Text.Encoding.UTF8,
    })!;

    public static Outcome Wait(Process process)
    {
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new AssertFailedException($"the command did not end within {Patience.TotalMinutes} minutes");
        }

        return new Outcome(process.ExitCode, Lines(output.Result), Lines(errors.Result));
    }

    private static string[] Lines(string text) => [.. text.TrimEnd().Split('\n').Select(line => line.TrimEnd('\r'))];
}
