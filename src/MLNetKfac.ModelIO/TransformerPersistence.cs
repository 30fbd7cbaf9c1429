using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetKfac.ModelIO;

[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: LoadableClass(typeof(ITransformer), typeof(TransformerPersistence), null, typeof(SignatureLoadModel), "", TransformerPersistence.LoaderSignature)]

namespace MLNetKfac.ModelIO;

/// <summary>
/// Saves and loads the image classifier with <c>mlContext.Model.Save</c> and <c>Load</c>, like ML.NET's own transformers, with
/// nothing to register before loading.
/// </summary>
/// <remarks>
/// ML.NET writes into a model file which assembly loads each transformer, loads that assembly and calls its <c>Create</c>. The
/// attribute and the contexts that take part in this are internal.
/// </remarks>
internal static class TransformerPersistence
{
    internal const string LoaderSignature = "MLNetKfacTransformer";

    private const string Component = "MLNetKfac", Transformer = "MLNetKfac.KfacImageClassificationTransformer", Load = "Load";

    private static VersionInfo Version => new(
        modelSignature: "KFACMLIO",
        verWrittenCur: 1,
        verReadableCur: 1,
        verWeCanReadBack: 1,
        // The simple name: a model must load whatever the version of the assembly.
        loaderAssemblyName: typeof(TransformerPersistence).Assembly.GetName().Name,
        loaderSignature: LoaderSignature);

    /// <summary>Saves a transformer; the whole of its <see cref="ICanSaveModel.Save"/>.</summary>
    /// <param name="context">The context ML.NET gave.</param>
    /// <param name="version">Version of the payload, from 1.</param>
    /// <param name="writePayload">Writes whatever loading needs, at most 2 GB.</param>
    /// <exception cref="NotSupportedException">The ML.NET in use lacks an internal member that this needs.</exception>
    public static void Save(ModelSaveContext context, int version, Action<Stream> writePayload)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var payload = new MemoryStream();
        writePayload(payload);
        var record = new TransformerRecord(version, payload.GetBuffer().AsMemory(0, (int)payload.Length));
        MLNetInternals.Use(() =>
        {
            context.CheckAtModel();
            context.SetVersionInfo(Version);
            record.WriteTo(context.Writer);
            return record;
        });
    }

    // ML.NET finds this by its name and its exact signature.
    private static ITransformer Create(IHostEnvironment environment, ModelLoadContext context)
    {
        TransformerRecord record = MLNetInternals.Use(() =>
        {
            context.CheckAtModel(Version);
            return TransformerRecord.ReadFrom(context.Reader);
        });
        return FindLoader()(record.Version, record.Payload.ToArray());
    }

    /// <summary>
    /// The component's side, found by fixed names: a process that has only called <c>Model.Load</c> has not touched it yet, and
    /// the model file must not choose what is called.
    /// </summary>
    /// <exception cref="FileNotFoundException">The application does not carry the component.</exception>
    private static Func<int, byte[], ITransformer> FindLoader()
    {
        try
        {
            return Assembly.Load(Component).GetType(Transformer, throwOnError: true)!
                .GetMethod(Load, BindingFlags.Static | BindingFlags.NonPublic)!.CreateDelegate<Func<int, byte[], ITransformer>>();
        }
        catch (FileNotFoundException missing)
        {
            throw new FileNotFoundException($"The model holds a transformer of {Component}, but the application does not carry the assembly {Component}.dll: reference the package {Component}.", missing.FileName, missing);
        }
    }
}
