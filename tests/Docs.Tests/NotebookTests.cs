using System.Text.Json;

namespace DocsTests;

/// <summary>The cells of samples/Notebook.ipynb, one after the other, are a program that compiles.</summary>
[TestClass]
public sealed class NotebookTests
{
    [TestMethod]
    public void The_code_cells_compile_in_their_order()
    {
        string[] lines = [.. ReadCode()];
        Assert.IsGreaterThan(10, lines.Length);

        string[] errors = SnippetCompiler.Errors(new Snippet("Notebook.ipynb", 1, string.Join('\n', lines), Given: "", Runs: false, IsInside: false, Usings: []));

        Assert.IsEmpty(errors, string.Join('\n', errors));
    }

    /// <summary>Directives to the notebook's kernel, such as #r, are left out.</summary>
    private static IEnumerable<string> ReadCode()
    {
        using JsonDocument notebook = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Notebook.ipynb")));
        foreach (JsonElement cell in notebook.RootElement.GetProperty("cells").EnumerateArray().Where(cell => cell.GetProperty("cell_type").GetString() == "code"))
        {
            foreach (JsonElement line in cell.GetProperty("source").EnumerateArray())
            {
                string text = line.GetString()!.TrimEnd('\n');
                yield return text.StartsWith('#') ? "" : text;
            }
        }
    }
}
