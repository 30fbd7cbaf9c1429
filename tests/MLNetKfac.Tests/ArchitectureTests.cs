using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Microsoft.ML;
using MLNetKfac.ModelIO;

namespace MLNetKfac.Tests;

/// <summary>The walls of the component: it counts nothing by hand, and one assembly alone looks behind ML.NET's.</summary>
[TestClass]
public sealed class ArchitectureTests
{
    private static readonly Assembly Component = typeof(KfacImageClassificationTrainer).Assembly;

    [TestMethod]
    public void The_component_has_no_vector_instructions_and_no_unsafe_code()
    {
        Assert.IsEmpty(NamespacesUsedBy(Component).Where(name => name.StartsWith("System.Runtime.Intrinsics", StringComparison.Ordinal)));
        Assert.IsNull(Component.ManifestModule.GetCustomAttribute<System.Security.UnverifiableCodeAttribute>());
    }

    [TestMethod]
    public void The_component_knows_the_engine_and_not_its_kernels()
    {
        string[] rooms = [.. NamespacesUsedBy(Component).Where(name => name == "Kfac" || name.StartsWith("Kfac.", StringComparison.Ordinal))];

        CollectionAssert.IsSubsetOf(rooms, (string[])["Kfac", "Kfac.Memory", "Kfac.Networks", "Kfac.Images", "Kfac.Optimizers", "Kfac.Models", "Kfac.Training", "Kfac.Parallel"]);
    }

    [TestMethod]
    public void Internals_of_MLNET_are_the_business_of_one_assembly()
    {
        Assert.IsEmpty(Component.GetCustomAttributesData().Where(IsTrespass));
        Assert.HasCount(1, typeof(TransformerPersistence).Assembly.GetCustomAttributesData().Where(IsTrespass));

        static bool IsTrespass(CustomAttributeData attribute) => attribute.AttributeType.Name == "IgnoresAccessChecksToAttribute";
    }

    [TestMethod]
    public void The_trainer_is_found_where_MLNETs_own_are() =>
        Assert.AreEqual(typeof(MLContext).Namespace, typeof(KfacImageClassificationCatalog).Namespace);

    [TestMethod]
    public void Public_types_lie_in_the_components_own_namespace_but_for_the_catalog()
    {
        Type[] elsewhere = [.. Component.GetExportedTypes().Where(type => type.Namespace != "MLNetKfac")];

        CollectionAssert.AreEqual((Type[])[typeof(ImageFolderCatalog), typeof(KfacImageClassificationCatalog)], elsewhere);
    }

    private static HashSet<string> NamespacesUsedBy(Assembly assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        MetadataReader metadata = file.GetMetadataReader();
        return [.. metadata.TypeReferences.Select(handle => metadata.GetString(metadata.GetTypeReference(handle).Namespace))];
    }
}
