using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace PackageCheck;

/// <summary>The .NET Interactive kernel, version of .config/dotnet-tools.json, as a process that takes commands and gives events, a JSON object a line each.</summary>
internal sealed class NotebookKernel : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private int _cells;

    /// <param name="workingFolder">Folder that the cells run in.</param>
    public NotebookKernel(string workingFolder)
    {
        using (Process restore = Start("tool", "restore"))
        {
            Task<string> errors = restore.StandardError.ReadToEndAsync();
            string output = restore.StandardOutput.ReadToEnd();
            restore.WaitForExit();
            Assert.AreEqual(0, restore.ExitCode, output + errors.Result);
        }

        _process = Start("tool", "run", "dotnet-interactive", "--", "stdio", "--working-dir", workingFolder);
        _process.ErrorDataReceived += (_, line) => _errors.AppendLine(line.Data);
        _process.BeginErrorReadLine();
    }

    /// <summary>Runs a cell to its end.</summary>
    /// <returns>What it wrote.</returns>
    public string Run(string code)
    {
        string token = $"cell{_cells++}";
        _process.StandardInput.WriteLine(JsonSerializer.Serialize(new { token, commandType = "SubmitCode", command = new { code, targetKernelName = "csharp" } }));
        _process.StandardInput.Flush();
        StringBuilder words = new(), written = new();
        using CancellationTokenSource patience = new(Patience);
        while (_process.StandardOutput.ReadLineAsync(patience.Token).AsTask().GetAwaiter().GetResult() is { } line)
        {
            if (!line.StartsWith('{'))
            {
                words.AppendLine(line); // the SDK's own, where it runs for the first time
                continue;
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

        _process.WaitForExit();
        throw new AssertFailedException($"the kernel ended with exit code {_process.ExitCode} within the cell\n{code}\n{words}{written}\n{_errors}");
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
            RedirectStandardError = true,
            WorkingDirectory = PackageFolder.Metadata("ProjectFolder"),
        };
        start.Environment["DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT"] = "1";
        // The kernel needs HOME, .NET does not.
        start.Environment.TryAdd("HOME", Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));
        // Packages of this folder's version may be others tomorrow: they go where the check's packages go.
        start.Environment["NUGET_PACKAGES"] = PackageFolder.Metadata("PackagesCache");
        return Process.Start(start)!;
    }
}
