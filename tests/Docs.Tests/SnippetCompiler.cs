using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;

namespace DocsTests;

/// <summary>Compiles snippets against what these tests themselves run on: .NET, ML.NET and the component.</summary>
internal static class SnippetCompiler
{
    /// <summary>An assembly of this name sees the engine's internals.</summary>
    private const string FriendOfTheEngine = "Kfac.Tests";

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)),
    ];

    /// <returns>The compiler's errors, each with the document and the line; none where all is well.</returns>
    public static string[] Errors(Snippet snippet) => Emit(snippet, Stream.Null);

    /// <summary>Runs a snippet.</summary>
    /// <param name="snippet">It compiles.</param>
    /// <param name="values">Values for its parameters, by name.</param>
    public static void Run(Snippet snippet, IReadOnlyDictionary<string, object> values)
    {
        using MemoryStream image = new();
        string[] errors = Emit(snippet, image);
        if (errors.Length > 0)
        {
            throw new InvalidOperationException(string.Join('\n', errors));
        }

        image.Position = 0;
        MethodInfo run = AssemblyLoadContext.Default.LoadFromStream(image).GetType("Snippet")!.GetMethod("Run")!;
        run.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [.. run.GetParameters().Select(parameter => values[parameter.Name!])], null);
    }

    private static string[] Emit(Snippet snippet, Stream image)
    {
        SyntaxTree tree = CSharpSyntaxTree.ParseText(snippet.ToProgram(), new CSharpParseOptions(LanguageVersion.Latest));
        CSharpCompilation compilation = CSharpCompilation.Create(
            snippet.IsInside ? FriendOfTheEngine : $"{snippet.Document}_{snippet.Line}", [tree], References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        EmitResult result = compilation.Emit(image);
        return [.. result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Select(Describe)];
    }

    private static string Describe(Diagnostic diagnostic)
    {
        FileLinePositionSpan place = diagnostic.Location.GetMappedLineSpan();
        return $"{place.Path}({place.StartLinePosition.Line + 1}): {diagnostic.GetMessage()}";
    }
}
