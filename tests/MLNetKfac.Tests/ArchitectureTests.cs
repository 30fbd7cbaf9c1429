using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using Kfac.Tests;
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

        CollectionAssert.IsSubsetOf(rooms, (string[])["Kfac", "Kfac.Memory", "Kfac.Networks", "Kfac.Images", "Kfac.Optimizers", "Kfac.Models", "Kfac.Training", "Kfac.Parallel", "Kfac.Audit"]);
    }

    /// <summary>A new line here is a new dependence on members of ML.NET that may change any day.</summary>
    [TestMethod]
    public void Internals_of_MLNET_are_the_business_of_one_assembly_and_these_are_all()
    {
        Assert.IsEmpty(InternalsUsedBy(Component));
        string[] expected =
        [
            "CatalogInstantiatorBase.get_Owner",
            "DataOperationsCatalog.Microsoft.ML.Data.IInternalCatalog.get_Environment",
            "ICancelable.get_IsCanceled",
            "LoadableClassAttribute..ctor",
            "ModelLoadContext.CheckAtModel",
            "ModelLoadContext.Reader",
            "ModelSaveContext.CheckAtModel",
            "ModelSaveContext.SetVersionInfo",
            "ModelSaveContext.Writer",
            "SchemaShape.Create",
            "TrainCatalogBase.get_Environment",
            "VersionInfo..ctor",
        ];
        Assert.AreEqual(string.Join(Environment.NewLine, expected), string.Join(Environment.NewLine, InternalsUsedBy(typeof(TransformerPersistence).Assembly).Order(StringComparer.Ordinal)));
    }

    /// <summary>The members of ML.NET that are not public and that an assembly uses: named in its code, or by <c>UnsafeAccessor</c>.</summary>
    private static string[] InternalsUsedBy(Assembly assembly)
    {
        const BindingFlags All = BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        using var file = new PEReader(File.OpenRead(assembly.Location));
        MetadataReader metadata = file.GetMetadataReader();
        IEnumerable<MemberInfo> named = metadata.MemberReferences
            .Where(handle => metadata.GetMemberReference(handle).Parent.Kind == HandleKind.TypeReference)
            .Select(handle => assembly.ManifestModule.ResolveMember(MetadataTokens.GetToken(handle))!)
            .Where(member => member.Module.Assembly.GetName().Name!.StartsWith("Microsoft.ML", StringComparison.Ordinal) && !IsVisible(member));
        IEnumerable<string> byAccessor = assembly.GetTypes().SelectMany(type => type.GetMethods(All))
            .Select(method => (method.GetParameters().FirstOrDefault()?.ParameterType, method.GetCustomAttribute<UnsafeAccessorAttribute>()?.Name))
            .Where(accessor => accessor.Name is not null)
            .Select(accessor => $"{accessor.ParameterType!.Name}.{accessor.Name}");
        return [.. named.Select(member => $"{member.DeclaringType!.Name}.{member.Name}").Concat(byAccessor).Distinct()];

        static bool IsVisible(MemberInfo member) => member.DeclaringType!.IsVisible && member is MethodBase { IsPublic: true } or MethodBase { IsFamily: true } or FieldInfo { IsPublic: true };
    }

    [TestMethod]
    public void Rooms_of_the_component_look_one_way()
    {
        Dictionary<string, string[]> rooms = new()
        {
            ["MLNetKfac.Columns"] = ["MLNetKfac.Training"],
            ["MLNetKfac.Scoring"] = ["MLNetKfac.Columns"],
            ["MLNetKfac.Saving"] = ["MLNetKfac.Scoring", "MLNetKfac.Columns"],
            ["MLNetKfac.Training"] = [],
            ["MLNetKfac.Reports"] = ["MLNetKfac.Columns"],
            ["MLNetKfac.Pictures"] = ["MLNetKfac.Scoring", "MLNetKfac.Columns", "MLNetKfac"],
        };
        Type[] inside = [.. Component.GetTypes().Where(type => type.Namespace is not null && rooms.ContainsKey(type.Namespace))];

        CollectionAssert.AreEquivalent(rooms.Keys, inside.Select(type => type.Namespace).Distinct().ToArray());
        string[] upward =
        [
            .. inside.SelectMany(type => UsedTypes.Of(type)
                .Where(used => used.Assembly == Component && used.Namespace is not null && used != typeof(ImageLayout) && used.Namespace != type.Namespace && !rooms[type.Namespace!].Contains(used.Namespace))
                .Select(used => $"{type} uses {used}")),
        ];
        Assert.IsEmpty(upward, string.Join(Environment.NewLine, upward));
    }

    [TestMethod]
    public void The_trainer_is_found_where_MLNETs_own_are() =>
        Assert.AreEqual(typeof(MLContext).Namespace, typeof(KfacImageClassificationCatalog).Namespace);

    [TestMethod]
    public void Public_types_lie_in_the_components_own_namespace_but_for_the_catalog()
    {
        Type[] elsewhere = [.. Component.GetExportedTypes().Where(type => type.Namespace != "MLNetKfac")];

        CollectionAssert.AreEqual((Type[])[typeof(AtomicSavingCatalog), typeof(ImageFolderCatalog), typeof(KfacImageClassificationCatalog)], elsewhere);
    }

    private static HashSet<string> NamespacesUsedBy(Assembly assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        MetadataReader metadata = file.GetMetadataReader();
        return [.. metadata.TypeReferences.Select(handle => metadata.GetString(metadata.GetTypeReference(handle).Namespace))];
    }
}
