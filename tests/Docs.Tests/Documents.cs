namespace DocsTests;

/// <summary>README.md and the pages of docs/, copied beside the tests.</summary>
internal static class Documents
{
    public static IEnumerable<string> All() =>
        Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "documents"), "*.md").Order(StringComparer.Ordinal);
}
