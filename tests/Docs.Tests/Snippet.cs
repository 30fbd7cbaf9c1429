using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace DocsTests;

/// <summary>
/// A block of C# in a document. A comment right before it, which no reader sees, says what the text around it takes for granted:
/// <c>&lt;!-- given: MLContext mlContext, IDataView trainingData --&gt;</c>; by <c>run, given: …</c> that it is to be run as well, and by
/// <c>inside the engine, given: …</c> that it is code of the engine, which sees its internals.
/// </summary>
/// <param name="Document">Name of the file.</param>
/// <param name="Line">Line of the file in which the code begins, from 1.</param>
/// <param name="Code">The text between the fences.</param>
/// <param name="Given">Parameters, as C# declares them; empty for none.</param>
/// <param name="Runs">Whether it can be run with the values that the tests have for its parameters.</param>
/// <param name="IsInside">Whether it sees the internals of the engine.</param>
/// <param name="Usings">The using directives of the snippets before it in the same file.</param>
internal sealed partial record Snippet(string Document, int Line, string Code, string Given, bool Runs, bool IsInside, IReadOnlyList<string> Usings)
{
    private const string Fence = "```";

    /// <summary>What every project with implicit usings has.</summary>
    private static readonly string[] ImplicitUsings =
        ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading", "System.Threading.Tasks"];

    /// <summary>The C# blocks of a document, in their order.</summary>
    public static IReadOnlyList<Snippet> Read(string document, string[] lines)
    {
        List<Snippet> snippets = [];
        List<string> usings = [];
        for (int open = 0; open < lines.Length; open++)
        {
            if (!lines[open].StartsWith(Fence, StringComparison.Ordinal))
            {
                continue;
            }

            int close = Array.FindIndex(lines, open + 1, line => line.StartsWith(Fence, StringComparison.Ordinal));
            if (close < 0)
            {
                throw new FormatException($"{document}({open + 1}): the block has no end");
            }

            if (lines[open] == Fence + "csharp")
            {
                Match comment = Comment().Match(open > 0 ? lines[open - 1] : "");
                Snippet snippet = new(
                    document, open + 2, string.Join('\n', lines[(open + 1)..close]),
                    comment.Groups["given"].Value, comment.Groups["run"].Success, comment.Groups["inside"].Success, [.. usings]);
                snippets.Add(snippet);
                usings.AddRange(snippet.Parse().Usings.Select(directive => directive.ToString()));
            }

            open = close;
        }

        return snippets;
    }

    /// <summary>A program with the snippet's statements in <c>Snippet.Run</c>, a parameter for each given value, and its types beside it.</summary>
    public string ToProgram()
    {
        CompilationUnitSyntax root = Parse();
        IEnumerable<string> usings = ImplicitUsings.Select(name => $"using {name};").Concat(Usings).Concat(root.Usings.Select(directive => directive.ToString())).Distinct();
        IEnumerable<MemberDeclarationSyntax> statements = root.Members.Where(member => member is GlobalStatementSyntax);
        return $$"""
            {{string.Join('\n', usings)}}
            public static class Snippet
            {
                public static void Run({{Given}})
                {
            {{string.Concat(statements.Select(Text))}}
                }
            }
            {{string.Concat(root.Members.Except(statements).Select(Text))}}
            """;
    }

    /// <summary>For the list of tests.</summary>
    public override string ToString() => $"{Document}({Line})";

    private CompilationUnitSyntax Parse() => CSharpSyntaxTree.ParseText(Code).GetCompilationUnitRoot();

    /// <summary>The text of a part, with a note to the compiler of where in the document it is.</summary>
    private string Text(SyntaxNode part) => $"#line {Line + part.GetLocation().GetLineSpan().StartLinePosition.Line} \"{Document}\"\n{part}\n";

    [GeneratedRegex(@"^<!-- (?<run>run, )?(?<inside>inside the engine, )?given: ?(?<given>.*) -->$")]
    private static partial Regex Comment();
}
