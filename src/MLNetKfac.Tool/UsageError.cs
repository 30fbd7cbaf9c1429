using System.CommandLine;

namespace MLNetKfac.Tool;

/// <summary>What is said of a command line that cannot be understood: the errors, the names that may have been meant, and how to get help.</summary>
internal static class UsageError
{
    /// <summary>Letters to change, add or leave out from a wrong name to the right one.</summary>
    private const int MaxDistance = 2;

    public static int Show(ParseResult line)
    {
        Command command = line.CommandResult.Command;
        foreach (string message in line.Errors.Select(error => error.Message).Distinct())
        {
            ExitCode.Complain(string.Join(' ', message.Split((char[])['\r', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries)));
        }

        string[] names = [.. command.Options.Select(option => option.Name), .. command.Subcommands.Select(inner => inner.Name)];
        foreach (string token in line.UnmatchedTokens)
        {
            if (names.Where(name => Distance(name, token) <= MaxDistance).MinBy(name => Distance(name, token)) is { } meant)
            {
                Console.Error.WriteLine($"did you mean {meant}?");
            }
        }

        Console.Error.WriteLine($"{(command is RootCommand ? "kfac" : $"kfac {command.Name}")} --help says what can be given");
        return ExitCode.Usage;
    }

    /// <summary>Levenshtein's distance of two words.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
            }
        }

        return row[^1];
    }
}
