using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetKfac.ModelIO;
using MLNetKfac.Tests.ModelIO;

[assembly: LoadsTransformer("announced-here", 2, typeof(AnnouncedLoadersTests.Loader))]

namespace MLNetKfac.Tests.ModelIO;

[TestClass]
public sealed class AnnouncedLoadersTests
{
    private static readonly Assembly Here = typeof(AnnouncedLoadersTests).Assembly;

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void An_announced_kind_gets_its_loader_for_every_version_it_reads(int version) =>
        Assert.IsInstanceOfType<Loader>(AnnouncedLoaders.For(Record("announced-here", version), Here));

    [TestMethod]
    [DataRow(3)]
    [DataRow(int.MaxValue)]
    [DataRow(0)]
    [DataRow(-1)]
    public void Any_other_version_is_refused_with_the_versions_found_and_supported(int version)
    {
        string message = Assert.ThrowsExactly<InvalidDataException>(() => AnnouncedLoaders.For(Record("announced-here", version), Here)).Message;
        StringAssert.Contains(message, $"in version {version}");
        StringAssert.Contains(message, "reads versions 1 to 2");
    }

    [TestMethod]
    [DataRow("unheard-of")]
    [DataRow("")]
    [DataRow("MLNetKfac.Tests.ModelIO.AnnouncedLoadersTests+Loader")]
    public void Any_other_kind_is_refused_even_if_it_names_a_loader_type(string kind)
    {
        string message = Assert.ThrowsExactly<InvalidDataException>(() => AnnouncedLoaders.For(Record(kind, 1), Here)).Message;
        StringAssert.Contains(message, $"'{kind}'");
        StringAssert.Contains(message, "'announced-here'");
    }

    [TestMethod]
    public void The_component_is_found_by_its_simple_name() =>
        Assert.AreEqual("MLNetKfac", AnnouncedLoaders.Component().GetName().Name);

    private static TransformerRecord Record(string kind, int version) => new(kind, version, Array.Empty<byte>());

    internal sealed class Loader : ITransformerLoader
    {
        public ITransformer Load(IHostEnvironment environment, int version, Stream payload) => throw new NotSupportedException();
    }
}
