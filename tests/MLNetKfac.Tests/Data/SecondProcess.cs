using System.Diagnostics;

namespace MLNetKfac.Tests.Data;

/// <summary>Programs that lie beside the tests, run on their own.</summary>
internal static class SecondProcess
{
    /// <summary>Runs a program to its end, which must be a success.</summary>
    /// <returns>The lines that it printed.</returns>
    public static string[] Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // By default the youngest generation may grow as large as the processor's cache, which differs between machines.
        start.Environment["DOTNET_GCgen0size"] = "0x800000";
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, $"{program}.dll"), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, errors.Result);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }
}
