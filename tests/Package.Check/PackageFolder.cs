using System.Reflection;

namespace PackageCheck;

/// <summary>Where the packages under test are, and what else the project file knows.</summary>
internal static class PackageFolder
{
    public static string Path => Metadata("PackagesFolder");

    public static string Version => Metadata("PackageVersion");

    public static string Metadata(string key) =>
        typeof(PackageFolder).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(metadata => metadata.Key == key).Value!;
}
