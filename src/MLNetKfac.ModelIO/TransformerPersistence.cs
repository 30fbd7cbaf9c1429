using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetKfac.ModelIO;

[assembly: IgnoresAccessChecksTo("Microsoft.ML.Core")]
[assembly: LoadableClass(typeof(ITransformer), typeof(TransformerPersistence), null, typeof(SignatureLoadModel), "", TransformerPersistence.LoaderSignature)]

namespace MLNetKfac.ModelIO;

/// <summary>
/// Lets a transformer of an outside assembly be saved and loaded with <c>mlContext.Model.Save</c> and <c>Load</c> like ML.NET's own,
/// with nothing to register before loading.
/// </summary>
/// <remarks>
/// ML.NET writes into a model file which assembly loads each transformer, loads that assembly and calls its <c>Create</c>; but the
/// attribute and the contexts that take part in this are internal. Everything that touches them is in this file.
/// </remarks>
public static class TransformerPersistence
{
    internal const string LoaderSignature = "MLNetKfacTransformer";

    private const string MissingMember = "This version of Microsoft.ML lacks an internal member through which models are saved and loaded; version 5.0.1 has it.";

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
    /// <param name="kind">The kind announced by the component's <see cref="LoadsTransformerAttribute"/>.</param>
    /// <param name="version">Version of the payload, from 1.</param>
    /// <param name="writePayload">Writes whatever the loader needs, at most 2 GB; may close the stream.</param>
    /// <exception cref="ArgumentException">The kind is longer than 255 bytes of UTF-8, or empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The version is below 1.</exception>
    /// <exception cref="NotSupportedException">The ML.NET in use lacks an internal member that this needs.</exception>
    public static void Save(ModelSaveContext context, string kind, int version, Action<Stream> writePayload)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentException.ThrowIfNullOrEmpty(kind);
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        ArgumentNullException.ThrowIfNull(writePayload);
        int kindBytes = Encoding.UTF8.GetByteCount(kind);
        if (kindBytes > byte.MaxValue)
        {
            throw new ArgumentException($"The kind has {kindBytes} bytes of UTF-8, but at most {byte.MaxValue} are possible.", nameof(kind));
        }

        using MemoryStream payload = new();
        writePayload(payload);
        // Also gives the bytes of a stream that a writer on top of it has closed.
        payload.TryGetBuffer(out ArraySegment<byte> bytes);
        TransformerRecord record = new(kind, version, bytes);
        try
        {
            Write(context, record);
        }
        catch (Exception missing) when (missing is MemberAccessException or TypeLoadException)
        {
            throw new NotSupportedException(MissingMember, missing);
        }
    }

    // ML.NET finds this by its name and its exact signature.
    private static ITransformer Create(IHostEnvironment environment, ModelLoadContext context)
    {
        TransformerRecord record;
        try
        {
            record = Read(context);
        }
        catch (Exception missing) when (missing is MemberAccessException or TypeLoadException)
        {
            throw new NotSupportedException(MissingMember, missing);
        }

        ITransformerLoader loader = AnnouncedLoaders.For(record, AnnouncedLoaders.Component());
        using MemoryStream payload = new(record.Payload.Array!, writable: false);
        return loader.Load(environment, record.Version, payload);
    }

    // Not inlined, here and below: a missing member shows when the method that names it is compiled, and has to show inside try.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Write(ModelSaveContext context, TransformerRecord record)
    {
        context.CheckAtModel();
        context.SetVersionInfo(Version);
        record.WriteTo(context.Writer);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static TransformerRecord Read(ModelLoadContext context)
    {
        context.CheckAtModel(Version);
        return TransformerRecord.ReadFrom(context.Reader);
    }
}
