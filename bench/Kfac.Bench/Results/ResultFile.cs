using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kfac.Bench.Results;

/// <summary>The measurements of one day on one processor: <c>bench/results/CPU/DATE.json</c>.</summary>
/// <param name="Cpu">The processor's name.</param>
/// <param name="Date">The day, as in 2026-11-28.</param>
/// <param name="Runtime">Name and version of the runtime.</param>
/// <param name="Runs">What was measured, in order.</param>
internal sealed record ResultFile(string Cpu, string Date, string Runtime, List<ResultRun> Runs)
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Adds a run to today's file of this processor.</summary>
    /// <returns>The file's path.</returns>
    public static string Add(string folder, ResultRun run)
    {
        string cpu = ProcessorName(), date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        string path = Path.Combine(folder, Regex.Replace(cpu.ToLowerInvariant(), "[^a-z0-9]+", "-").Trim('-'), $"{date}.json");
        ResultFile file = File.Exists(path) ? Read(path) : new ResultFile(cpu, date, RuntimeInformation.FrameworkDescription, []);
        file.Runs.Add(run);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, JsonSerializer.Serialize(file, Format) + "\n");
        return path;
    }

    /// <exception cref="JsonException">The file holds something else.</exception>
    public static ResultFile Read(string path) =>
        JsonSerializer.Deserialize<ResultFile>(File.ReadAllText(path), Format) ?? throw new JsonException($"{path} is empty");

    private static string ProcessorName()
    {
        const string Key = "model name";
        string? line = File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal)) : null;
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? $"{RuntimeInformation.ProcessArchitecture}";
    }
}

/// <summary>One run of one command.</summary>
/// <param name="Command">The command with its options.</param>
/// <param name="Results">What it printed, an object a line.</param>
internal sealed record ResultRun(string Command, List<JsonObject> Results);
