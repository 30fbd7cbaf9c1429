using System.Diagnostics;

namespace MLNetKfac.Tool.Tests;

/// <summary>The command as a second process, its output going to this one.</summary>
internal static class ToolProcess
{
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

    public static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "kfac.dll"), .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        StandardOutputEncoding = System.Text.Encoding.UTF8,
        StandardErrorEncoding = System.Text.Encoding.UTF8,
    })!;

    public static Outcome Wait(Process process)
    {
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Outcome(process.ExitCode, Lines(output), Lines(errors.Result));
    }

    private static string[] Lines(string text) => [.. text.TrimEnd().Split('\n').Select(line => line.TrimEnd('\r'))];
}
