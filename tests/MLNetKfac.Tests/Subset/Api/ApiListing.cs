using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace MLNetKfac.Tests.Subset.Api;

/// <summary>The list of ML.NET's public API (mlnet-public-api.txt), read into types, their bases and their members.</summary>
internal sealed partial class ApiListing
{
    private readonly Dictionary<string, ListedType> _types = [];

    private ApiListing(IEnumerable<string> lines)
    {
        string currentNamespace = "";
        var open = new Stack<ListedType>();
        ListedType? declared = null;
        foreach (string line in lines.Select(line => line.Trim()))
        {
            if (line.StartsWith("namespace ", StringComparison.Ordinal))
            {
                currentNamespace = line.Split(' ')[1];
            }
            else if (line == "{")
            {
                open.Push(declared!);
            }
            else if (line == "}")
            {
                open.Pop();
            }
            else if (line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal))
            {
                string declaration = Attributes().Replace(line, "");
                if (declaration.Length == 0)
                {
                    continue;
                }

                declared = TypeDeclaration().IsMatch(declaration)
                    ? AddType(currentNamespace, open, declaration)
                    : AddMember(open.Peek(), declaration);
            }
        }
    }

    public IReadOnlyDictionary<string, ListedType> Types => _types;

    public static ApiListing Read([CallerFilePath] string thisFile = "")
        => new(File.ReadLines(Path.Combine(Path.GetDirectoryName(thisFile)!, "mlnet-public-api.txt")));

    [GeneratedRegex(@"^(\[[^\]]*\]\s*)+")]
    private static partial Regex Attributes();

    [GeneratedRegex(@"^(public|protected) ((static|abstract|sealed|readonly|ref) )*(class|struct|interface|enum|delegate) ")]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"^(?<head>[^:({]*?[\w>])(?:\s*:\s*(?<bases>[^{]*?))?(?:\s+where .*)?\s*(?:\{(?<items>[^}]*)\})?$")]
    private static partial Regex TypeParts();

    [GeneratedRegex(@"\s*/\* default:.*?\*/")]
    private static partial Regex FieldDefault();

    private static ListedType? AddMember(ListedType owner, string declaration)
    {
        owner.Members.Add(FieldDefault().Replace(declaration, "").TrimEnd(';', ' '));
        return null;
    }

    private ListedType AddType(string currentNamespace, Stack<ListedType> open, string declaration)
    {
        bool isDelegate = declaration.Contains(" delegate ", StringComparison.Ordinal);
        string[] parts = isDelegate ? [declaration.TrimEnd(';'), "", ""] : Parts(declaration);
        string name = LastWord(isDelegate ? parts[0][..parts[0].IndexOf('(')] : parts[0]);
        string shortName = name.Split('<')[0];
        int ownParameters = name.Contains('<') ? name.Count(character => character == ',') + 1 : 0;
        string prefix = open.Count > 0 ? open.Peek().Path + "." : currentNamespace + ".";
        int parameters = ownParameters + (open.Count > 0 ? open.Peek().TypeParameters : 0);
        var type = new ListedType(prefix + shortName, parameters, parts[0], [.. SplitTopLevel(parts[1])]);
        type.Members.AddRange(SplitTopLevel(parts[2]));
        _types.Add($"{type.Path}`{parameters}", type);
        return type;
    }

    // "public interface IEstimator<out TTransformer>" ends in the word "IEstimator<out TTransformer>".
    private static string LastWord(string text)
    {
        int start = text.Length;
        for (int depth = 0; start > 0 && (depth > 0 || text[start - 1] != ' '); start--)
        {
            depth += text[start - 1] == '>' ? 1 : text[start - 1] == '<' ? -1 : 0;
        }

        return text[start..];
    }

    private static string[] Parts(string declaration)
    {
        Match match = TypeParts().Match(declaration);
        return match.Success
            ? [match.Groups["head"].Value.Trim(), match.Groups["bases"].Value, match.Groups["items"].Value]
            : throw new FormatException($"Not a type declaration: {declaration}");
    }

    private static IEnumerable<string> SplitTopLevel(string list)
    {
        int depth = 0;
        int start = 0;
        for (int i = 0; i <= list.Length; i++)
        {
            if (i == list.Length || (list[i] == ',' && depth == 0))
            {
                string item = list[start..i].Trim();
                if (item.Length > 0 && !item.StartsWith("/*", StringComparison.Ordinal))
                {
                    yield return item;
                }

                start = i + 1;
            }
            else
            {
                depth += list[i] == '<' ? 1 : list[i] == '>' ? -1 : 0;
            }
        }
    }

    /// <summary>A type of the list: its full path, first line, bases and members.</summary>
    internal sealed record ListedType(string Path, int TypeParameters, string Head, string[] Bases)
    {
        public List<string> Members { get; } = [];
    }
}
