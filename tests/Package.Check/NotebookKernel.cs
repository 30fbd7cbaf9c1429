using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace PackageCheck;

/// <summary>The .NET Interactive kernel, version of .config/dotnet-tools.json, as a process that takes commands and gives events, a JSON object a line each.</summary>
internal sealed class NotebookKernel : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly Process _process;
    private int _cells;

    /// <param name="workingFolder">Folder that the cells run in.</param>
    public NotebookKernel(string workingFolder)
    {
        using (Process restore = Start("tool", "restore"))
        {
            string output = restore.StandardOutput.ReadToEnd();
            restore.WaitForExit();
            Assert.AreEqual(0, restore.ExitCode, output);
        }

        _process = Start("tool", "run", "dotnet-interactive", "--", "stdio", "--working-dir", workingFolder);
    }

    /// <summary>Runs a cell to its end.</summary>
    /// <returns>What it wrote.</returns>
    public string Run(string code)
    {
        string token = $"cell{_cells++}";
        _process.StandardInput.WriteLine(JsonSerializer.Serialize(new { token, commandType = "SubmitCode", command = new { code, targetKernelName = "csharp" } }));
        _process.StandardInput.Flush();
        StringBuilder written = new();
        using CancellationTokenSource patience = new(Patience);
        while (_process.StandardOutput.ReadLineAsync(patience.Token).AsTask().GetAwaiter().GetResult() is { } line)
        {
            if (!line.StartsWith('{'))
            {
                continue; // the SDK's own words, where it runs for the first time
            }

            using JsonDocument message = JsonDocument.Parse(line);
            string kind = message.RootElement.TryGetProperty("eventType", out JsonElement type) ? type.GetString()! : "";
            if (kind == "StandardOutputValueProduced")
            {
                written.Append(message.RootElement.GetProperty("event").GetProperty("formattedValues")[0].GetProperty("value").GetString());
            }

            if (kind is "CommandSucceeded" or "CommandFailed" && message.RootElement.GetProperty("command").GetProperty("token").GetString() == token)
            {
                Assert.AreEqual("CommandSucceeded", kind, $"{code}\n{written}\n{line}");
                return written.ToString();
            }
        }

        throw new AssertFailedException($"the kernel ended within the cell\n{code}\n{written}");
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private static Process Start(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = PackageFolder.Metadata("ProjectFolder"),
        };
        start.Environment["DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT"] = "1";
        // Packages of this folder's version may be others tomorrow: they go where the check's packages go.
        start.Environment["NUGET_PACKAGES"] = PackageFolder.Metadata("PackagesCache");
        return Process.Start(start)!;
    }
}
