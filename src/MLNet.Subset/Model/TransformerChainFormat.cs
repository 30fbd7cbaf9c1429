using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(TransformerChain<ITransformer>), typeof(TransformerChainFormat), null, typeof(SignatureLoadModel), "Transformer chain", TransformerChainFormat.LoaderSignature)]

namespace Microsoft.ML.Data;

/// <summary>The model entry of a chain; each of its transformers has an entry below it.</summary>
internal static class TransformerChainFormat
{
    public const string LoaderSignature = "TransformerChain";

    private static readonly VersionInfo Version = new(
        "SUBCHAIN", 1, 1, 1, typeof(TransformerChainFormat).Assembly.GetName().Name, LoaderSignature);

    public static void Save(ModelSaveContext ctx, ITransformer[] transformers, TransformerScope[] scopes)
    {
        ctx.CheckAtModel();
        ctx.SetVersionInfo(Version);
        ctx.Writer.Write(transformers.Length);
        for (int i = 0; i < transformers.Length; i++)
        {
            ctx.Writer.Write((int)scopes[i]);
            ctx.SaveModel(transformers[i], EntryName(i));
        }
    }

    private static TransformerChain<ITransformer> Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(Version);
        int count = ctx.Reader.ReadInt32();
        var transformers = new ITransformer[count];
        var scopes = new TransformerScope[count];
        for (int i = 0; i < count; i++)
        {
            scopes[i] = (TransformerScope)ctx.Reader.ReadInt32();
            ctx.LoadModel<ITransformer, SignatureLoadModel>(env, out transformers[i], EntryName(i));
        }

        return new TransformerChain<ITransformer>(transformers, scopes);
    }

    private static string EntryName(int index) => $"Transform_{index:000}";
}
