using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(
    typeof(ITransformer), typeof(CustomMappingFormat), null, typeof(SignatureLoadModel), "Custom mapping", CustomMappingFormat.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>
/// The model entry of a custom mapping: code cannot be saved, so it holds the contract name that a factory class carries.
/// </summary>
internal static class CustomMappingFormat
{
    public const string LoaderSignature = "CustomMapping";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBCUSTM");

    public static void Save(ModelSaveContext ctx, string contractName, Assembly contractAssembly)
    {
        if (string.IsNullOrEmpty(contractName))
        {
            throw new InvalidOperationException("A custom mapping without a contract name cannot be saved: loading would not know its code.");
        }

        ctx.CheckAtModel();
        ctx.SetVersionInfo(OwnFormat.Version);
        ctx.Writer.Write(contractName);
        ctx.Writer.Write(contractAssembly.GetName().Name);
    }

    private static ITransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        BinaryReader reader = OwnFormat.Open(ctx);
        string contractName = reader.ReadString();
        env.ComponentCatalog.RegisterAssembly(Assembly.Load(reader.ReadString()));
        object factory = env.ComponentCatalog.CreateExtension<CustomMappingFactoryAttributeAttribute>(contractName);
        return factory is ICustomMappingFactory mapping
            ? mapping.CreateTransformer(contractName)
            : throw new InvalidOperationException($"{factory.GetType()} carries the contract '{contractName}', but is no CustomMappingFactory.");
    }
}
