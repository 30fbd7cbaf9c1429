using System.Reflection;

namespace MLNetKfac.ModelIO;

/// <summary>
/// From a kind in a file to the code that loads it. A file chooses among what the component's assembly announces; it never names
/// a type or an assembly.
/// </summary>
internal static class AnnouncedLoaders
{
    /// <summary>
    /// Finds the component by its fixed name, since a process that has only called <c>Model.Load</c> has not touched it yet.
    /// </summary>
    /// <exception cref="FileNotFoundException">The application does not carry the component.</exception>
    public static Assembly Component()
    {
        const string Name = "MLNetKfac";
        try
        {
            return Assembly.Load(Name);
        }
        catch (FileNotFoundException missing)
        {
            throw new FileNotFoundException($"The model holds a transformer of {Name}, but the application does not carry the assembly {Name}.dll: reference the package {Name}.", missing.FileName, missing);
        }
    }

    /// <exception cref="InvalidDataException">The component does not know the kind, or not the version.</exception>
    public static ITransformerLoader For(TransformerRecord record, Assembly component)
    {
        LoadsTransformerAttribute[] announced = [.. component.GetCustomAttributes<LoadsTransformerAttribute>()];
        AssemblyName name = component.GetName();
        LoadsTransformerAttribute loads = announced.SingleOrDefault(each => each.Kind == record.Kind)
            ?? throw new InvalidDataException($"The model holds a transformer of kind '{record.Kind}', but {name.Name} {name.Version} knows only '{string.Join("', '", announced.Select(each => each.Kind))}'.");

        if (record.Version < 1 || record.Version > loads.NewestVersion)
        {
            throw new InvalidDataException($"The model holds a transformer of kind '{record.Kind}' in version {record.Version}, but {name.Name} {name.Version} reads versions 1 to {loads.NewestVersion}: load it with the {name.Name} that saved it, or a newer one.");
        }

        return (ITransformerLoader)Activator.CreateInstance(loads.Loader)!;
    }
}
