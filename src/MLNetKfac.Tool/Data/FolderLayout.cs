namespace MLNetKfac.Tool.Data;

/// <summary>Which folders of a folder have the pictures to train on, to hold back and to test with.</summary>
/// <param name="Training">The folder itself, where it is not split.</param>
/// <param name="Validation">What is held back; null where a share of <paramref name="Training"/> is.</param>
/// <param name="Test">Null for none.</param>
/// <param name="LeftOut">Names of the folders beside them.</param>
internal sealed record FolderLayout(string Training, string? Validation, string? Test, IReadOnlyList<string> LeftOut)
{
    /// <summary>A folder is split where it has <c>train</c>, and <c>test</c> or <c>val</c> or both, in small or capital letters.</summary>
    /// <exception cref="InvalidDataException">Two folders are of the same name, or mean the same.</exception>
    public static FolderLayout Of(string path)
    {
        string[] names = [.. Directory.GetDirectories(path).Select(folder => Path.GetFileName(folder)).Where(name => !name.StartsWith('.')).Order(StringComparer.Ordinal)];
        return Find("train") is { } training && (Find("val", "valid", "validation"), Find("test")) is var (validation, test) && (validation ?? test) is not null
            ? new FolderLayout(Path.Combine(path, training), Within(validation), Within(test), [.. names.Except([training, validation, test])!])
            : new FolderLayout(path, null, null, []);

        string? Within(string? name) => name is null ? null : Path.Combine(path, name);

        string? Find(params string[] meanings)
        {
            string[] found = [.. names.Where(name => meanings.Contains(name, StringComparer.OrdinalIgnoreCase))];
            return found.Length <= 1
                ? found.FirstOrDefault()
                : throw new InvalidDataException($"'{path}' must have one folder for {meanings[0]}, but has {string.Join(" and ", found.Select(name => $"'{name}'"))}: move one away");
        }
    }

    /// <summary>What to do where a folder's only class folder has the classes in it; empty for another folder.</summary>
    public static string GoDeeper(string path, IReadOnlyList<string> classNames)
    {
        string inner = Path.Combine(path, classNames[0]);
        return classNames.Count == 1 && Directory.Exists(inner) && Directory.GetDirectories(inner).Length > 0 ? $"; if the folders in it are the classes, give '{inner}' as DIR" : "";
    }
}
