namespace Microsoft.ML;

/// <summary>The signature of classes that a model file can name: they are created from an environment and the file's entry.</summary>
internal delegate void SignatureLoadModel(ModelLoadContext ctx);

/// <summary>Says that an assembly has a class which a model file can name, and which type creates it.</summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class LoadableClassAttribute : Attribute
{
    public LoadableClassAttribute(Type instType, Type argType, Type sigType, string userName, params string[] loadNames)
        : this(instType, instType, argType, sigType, userName, loadNames)
    {
    }

    public LoadableClassAttribute(Type instType, Type loaderType, Type argType, Type sigType, string userName, params string[] loadNames)
    {
        InstanceType = instType;
        LoaderType = loaderType;
        ArgType = argType;
        SignatureType = sigType;
        UserName = userName;
        LoadNames = loadNames is { Length: > 0 } ? loadNames : [userName];
    }

    public Type InstanceType { get; }

    public Type LoaderType { get; }

    public Type ArgType { get; }

    public Type SignatureType { get; }

    public string UserName { get; }

    public string[] LoadNames { get; }
}
