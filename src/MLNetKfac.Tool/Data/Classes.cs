using MLNetKfac.Tool.Terminal;

namespace MLNetKfac.Tool.Data;

/// <summary>Names of classes in messages.</summary>
internal static class Classes
{
    /// <summary>As many of the names as fit in so many characters, at least one, with commas between.</summary>
    public static string List(IReadOnlyList<string> names, int maxLength)
    {
        string list = names[0];
        for (int number = 1; number < names.Count; number++)
        {
            if (list.Length + 2 + names[number].Length > maxLength)
            {
                return list + ", …";
            }

            list += $", {names[number]}";
        }

        return list;
    }

    /// <summary>Requires that all classes of some pictures are known to what classifies them.</summary>
    /// <param name="names">Classes of the pictures.</param>
    /// <param name="folder">The folder that they are from.</param>
    /// <param name="known">Classes that are known.</param>
    /// <param name="knower">Who knows them.</param>
    /// <exception cref="InvalidDataException">One is not known; the message names it.</exception>
    public static void RequireKnown(IReadOnlyList<string> names, string folder, IReadOnlyList<string> known, string knower)
    {
        string[] unknown = [.. names.Except(known)];
        if (unknown.Length > 0)
        {
            string others = unknown.Length > 1 ? $" and {Plural.Of(unknown.Length - 1, "other", "others")}" : "";
            throw new InvalidDataException($"{knower} does not know the class '{unknown[0]}'{others} of '{folder}': its classes are {List(known, 200)}{FolderLayout.GoDeeper(folder, names)}");
        }
    }
}
