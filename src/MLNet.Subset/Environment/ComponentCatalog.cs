using System.Reflection;

namespace Microsoft.ML.Runtime;

/// <summary>The classes that model files may name, found through the attributes of registered assemblies.</summary>
public sealed class ComponentCatalog
{
    private readonly Lock _gate = new();
    private readonly HashSet<Assembly> _registered = [];
    private readonly Dictionary<string, LoadableClassAttribute> _loadableClasses = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<(Type Attribute, string Contract), Type> _extensions = [];

    internal ComponentCatalog()
    {
    }

    /// <summary>Registers the loadable classes and extensions of an assembly; once is enough.</summary>
    public void RegisterAssembly(Assembly assembly, bool throwOnError = true)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        lock (_gate)
        {
            if (!_registered.Add(assembly))
            {
                return;
            }

            try
            {
                RegisterLoadableClasses(assembly);
                RegisterExtensions(assembly);
            }
            catch (Exception) when (!throwOnError)
            {
                // The caller prefers an incomplete catalog; what is missing is reported when a model asks for it.
            }
        }
    }

    /// <summary>Creates what a model entry holds, by the load name in it.</summary>
    internal object Create(IHostEnvironment env, string loadName, ModelLoadContext context)
    {
        LoadableClassAttribute loadable;
        lock (_gate)
        {
            if (!_loadableClasses.TryGetValue(loadName, out loadable))
            {
                throw new FormatException($"No registered assembly declares a class that loads '{loadName}'.");
            }
        }

        return CreateMethod(loadable).Invoke(null, BindingFlags.DoNotWrapExceptions, null, [env, context], null);
    }

    /// <summary>Creates the extension class that declares a contract name.</summary>
    internal object CreateExtension<TAttribute>(string contractName)
        where TAttribute : ExtensionBaseAttribute
    {
        lock (_gate)
        {
            return _extensions.TryGetValue((typeof(TAttribute), contractName), out Type type)
                ? Activator.CreateInstance(type)
                : throw new InvalidOperationException(
                    $"No registered class carries {typeof(TAttribute).Name}(\"{contractName}\"): register its assembly with the ComponentCatalog before loading.");
        }
    }

    private static MethodInfo CreateMethod(LoadableClassAttribute loadable)
    {
        const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        MethodInfo create = loadable.LoaderType.GetMethod("Create", AnyStatic, [typeof(IHostEnvironment), typeof(ModelLoadContext)]);
        return create is not null && loadable.InstanceType.IsAssignableFrom(create.ReturnType)
            ? create
            : throw new FormatException(
                $"{loadable.LoaderType} has no method 'static {loadable.InstanceType.Name} Create(IHostEnvironment, ModelLoadContext)'.");
    }

    private void RegisterLoadableClasses(Assembly assembly)
    {
        foreach (LoadableClassAttribute loadable in assembly.GetCustomAttributes<LoadableClassAttribute>())
        {
            if (loadable.SignatureType != typeof(SignatureLoadModel))
            {
                continue;
            }

            foreach (string loadName in loadable.LoadNames)
            {
                _loadableClasses[loadName] = loadable;
            }
        }
    }

    private void RegisterExtensions(Assembly assembly)
    {
        foreach (Type type in assembly.GetTypes().Where(type => type.IsClass && !type.IsAbstract))
        {
            foreach (ExtensionBaseAttribute extension in type.GetCustomAttributes<ExtensionBaseAttribute>())
            {
                _extensions[(extension.GetType(), extension.ContractName)] = type;
            }
        }
    }
}
