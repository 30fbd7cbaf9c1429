using System.CommandLine;
using System.Text.Json.Nodes;

namespace Kfac.Bench.Results;

/// <summary>`record`: runs another command and keeps what it prints.</summary>
internal static class RecordCommand
{
    public static Command Create(RootCommand root)
    {
        Option<string> folder = new("--folder") { Description = "Where results are kept.", DefaultValueFactory = _ => "bench/results" };
        Command command = new("record", "Runs another command of this program with --json and adds what it prints to FOLDER/CPU/DATE.json.") { folder };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(arguments =>
        {
            string[] measured = [.. arguments.UnmatchedTokens];
            TextWriter console = Console.Out;
            using var printed = new StringWriter();
            Console.SetOut(printed);
            int status;
            try
            {
                status = root.Parse([.. measured, "--json"]).Invoke();
            }
            finally
            {
                Console.SetOut(console);
            }

            Console.Write(printed);
            if (status == 0)
            {
                List<JsonObject> results = [.. printed.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(line => JsonNode.Parse(line)!.AsObject())];
                Console.WriteLine($"added to {ResultFile.Add(arguments.GetValue(folder)!, new ResultRun(string.Join(' ', measured), results))}");
            }

            return status;
        });
        return command;
    }
}
