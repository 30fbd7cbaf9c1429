using Microsoft.ML;
using Microsoft.ML.Data;

namespace DocsTests;

/// <summary>What the documents show is C# that compiles, and where that is cheap, that runs.</summary>
[TestClass]
[DoNotParallelize]
public sealed class SnippetTests
{
    private static IEnumerable<object[]> Snippets => AllSnippets().Select(snippet => new object[] { snippet });

    private static IEnumerable<object[]> RunnableSnippets => AllSnippets().Where(snippet => snippet.Runs).Select(snippet => new object[] { snippet });

    public static string Name(System.Reflection.MethodInfo test, object[] data) => $"{test.Name} {data[0]}";

    [TestMethod]
    [DynamicData(nameof(Snippets), DynamicDataDisplayName = nameof(Name))]
    public void Every_snippet_compiles(object snippet)
    {
        string[] errors = SnippetCompiler.Errors((Snippet)snippet);
        Assert.IsEmpty(errors, string.Join('\n', errors));
    }

    [TestMethod]
    [DynamicData(nameof(RunnableSnippets), DynamicDataDisplayName = nameof(Name))]
    public void Snippets_that_say_so_run(object snippet)
    {
        MLContext mlContext = new(seed: 1);
        string before = Environment.CurrentDirectory, folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            // Models are saved here.
            Environment.CurrentDirectory = folder;
            SnippetCompiler.Run((Snippet)snippet, new Dictionary<string, object>
            {
                ["trainingData"] = Squares(mlContext, seed: 1),
                ["testData"] = Squares(mlContext, seed: 2),
            });
        }
        finally
        {
            Environment.CurrentDirectory = before;
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void A_broken_snippet_is_reported_with_document_and_line()
    {
        string[] document = ["# Title", "```csharp", "using System.Text;", "int one = 1;", "int two = \"2\";", "```", "```csharp", "StringBuilder text = new();", "text.Nonsense();", "```"];
        IReadOnlyList<Snippet> snippets = Snippet.Read("page.md", document);

        StringAssert.StartsWith(SnippetCompiler.Errors(snippets[0]).Single(), "page.md(5): ");
        StringAssert.StartsWith(SnippetCompiler.Errors(snippets[1]).Single(), "page.md(9): ");
    }

    [TestMethod]
    public void A_snippet_may_take_values_for_given_and_declare_types()
    {
        string[] document = ["<!-- given: int[] numbers -->", "```csharp", "Console.Write(new Sum().Of(numbers));", "class Sum { public int Of(int[] numbers) => numbers.Sum(); }", "```"];

        Assert.IsEmpty(SnippetCompiler.Errors(Snippet.Read("page.md", document).Single()));
    }

    private static IEnumerable<Snippet> AllSnippets() =>
        Documents.All().SelectMany(path => Snippet.Read(Path.GetFileName(path), File.ReadAllLines(path)));

    /// <summary>Grey pictures of a square in one of two corners.</summary>
    private static IDataView Squares(MLContext mlContext, int seed)
    {
        Random random = new(seed);
        return mlContext.Data.LoadFromEnumerable([.. Enumerable.Range(0, 60).Select(index => new Picture
        {
            Features = [.. Enumerable.Range(0, 64).Select(i => random.Next(100) + (i / 32 == index % 2 ? 100f : 0f))],
            Label = index % 2 == 0 ? "above" : "below",
        })]);
    }

    private sealed class Picture
    {
        [VectorType(8, 8)]
        public float[] Features { get; set; } = [];

        public string Label { get; set; } = "";
    }
}
