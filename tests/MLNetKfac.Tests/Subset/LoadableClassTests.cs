#if MLNET_SUBSET
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetKfac.Tests.Subset;

[assembly: LoadableClass(
    typeof(ITransformer), typeof(LoadableClassTests.OutsideTransformer), null, typeof(SignatureLoadModel), "Outside", "OutsideTransformer")]

namespace MLNetKfac.Tests.Subset;

/// <summary>The way by which transformers of other assemblies save and load themselves, through members that are not public.</summary>
[TestClass]
public sealed class LoadableClassTests
{
    private readonly MLContext _ml = new(seed: 1);

    [TestMethod]
    public void ATransformerOfAnotherAssemblyIsFoundByTheNameOfItsAssembly()
    {
        ITransformer loaded = RoundTrip(new OutsideTransformer(_ml, "payload"));

        Assert.AreEqual("payload", ((OutsideTransformer)loaded).Payload);
    }

    [TestMethod]
    public void SoIsOneWithinAChain()
    {
        IDataView data = _ml.Data.LoadFromEnumerable(FlowerRow.Some);
        ITransformer chain = _ml.Transforms.CopyColumns("Copy", "Features").Fit(data).Append(new OutsideTransformer(_ml, "inner"));

        ITransformer loaded = RoundTrip(chain);

        Assert.AreEqual("inner", ((IEnumerable<ITransformer>)loaded).OfType<OutsideTransformer>().Single().Payload);
    }

    [TestMethod]
    public void AnEntryOfAnUnreadableVersionIsRefused()
    {
        FormatException error = Assert.ThrowsExactly<FormatException>(
            () => RoundTrip(new OutsideTransformer(_ml, "future") { WrittenVersion = 9 }));

        StringAssert.Contains(error.Message, "OutsideTransformer");
    }

    private static ITransformer RoundTrip(ITransformer model)
    {
        using var file = new MemoryStream();
        new MLContext().Model.Save(model, null, file);
        file.Position = 0;
        return new MLContext().Model.Load(file, out _);
    }

    /// <summary>Passes rows through and keeps a text in the model file.</summary>
    internal sealed class OutsideTransformer(IHostEnvironment env, string payload) : ITransformer
    {
        private readonly ITransformer _inner = new MLContext().Transforms.DropColumns().Fit(new MLContext().Data.LoadFromEnumerable<FlowerRow>([]));

        public string Payload => payload;

        public IHostEnvironment Environment => env;

        public uint WrittenVersion { get; init; } = 1;

        public bool IsRowToRowMapper => true;

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _inner.GetOutputSchema(inputSchema);

        public Microsoft.ML.Data.IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => _inner.GetRowToRowMapper(inputSchema);

        public IDataView Transform(IDataView input) => _inner.Transform(input);

        public void Save(ModelSaveContext ctx)
        {
            ctx.CheckAtModel();
            ctx.SetVersionInfo(Version(WrittenVersion));
            ctx.Writer.Write(payload);
        }

        private static VersionInfo Version(uint written) => new(
            modelSignature: "OUTSIDE1",
            verWrittenCur: written,
            verReadableCur: written,
            verWeCanReadBack: 1,
            loaderAssemblyName: typeof(OutsideTransformer).Assembly.GetName().Name!,
            loaderSignature: "OutsideTransformer");

        private static ITransformer Create(IHostEnvironment env, ModelLoadContext ctx)
        {
            ctx.CheckAtModel(Version(1));
            return new OutsideTransformer(env, ctx.Reader.ReadString());
        }
    }
}
#endif
