using System.CommandLine;
using System.CommandLine.Parsing;

namespace MLNetKfac.Tool;

/// <summary>What is said of a command line that cannot be understood: the errors, the names that may have been meant, and how to get help.</summary>
internal static class UsageError
{
    /// <summary>Letters to change, add or leave out from a wrong name to the right one.</summary>
    private const int MaxDistance = 2;

    /// <summary>What Open MPI, MPICH and SLURM tell a process of its place.</summary>
    private static readonly string[] RankVariables = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"];

    public static int Show(ParseResult line)
    {
        Command command = line.CommandResult.Command;
        if (!IsFirstRank)
        {
            // Another code might have mpirun end the first before it has spoken.
            return ExitCode.Done;
        }

        foreach (string message in line.Errors.Select(MessageOf).Distinct())
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

    /// <summary>All ranks that mpirun starts have the same command line.</summary>
    private static bool IsFirstRank => RankVariables.Select(Environment.GetEnvironmentVariable).FirstOrDefault(rank => rank is not null) is null or "0";

    /// <summary>The message, which names the option.</summary>
    private static string MessageOf(ParseError error)
    {
        SymbolResult? symbol = error.SymbolResult;
        while (symbol is not (null or OptionResult))
        {
            symbol = symbol.Parent;
        }

        return symbol is not OptionResult { Option.Name: var name } ? error.Message
            : error.Message.StartsWith("Cannot parse argument ''", StringComparison.Ordinal) ? $"{name} must not be empty"
            : error.Message.Contains(name, StringComparison.Ordinal) ? error.Message
            : $"{name}: {error.Message}";
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
