using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetKfac.Tests.Subset.Api;

/// <summary>
/// Holds the public surface of the ML.NET in use against the list of what ML.NET's is: the stand-in must have nothing
/// that is not listed, and the packages must have all that is.
/// </summary>
[TestClass]
public sealed class ApiConformanceTests
{
    private static readonly ApiListing Listing = ApiListing.Read();

    /// <summary>The types to hold against the list: those of the stand-in, or those of the packages that it lists.</summary>
    public static IEnumerable<object[]> PublicTypes
        => Assemblies.SelectMany(assembly => assembly.GetExportedTypes())
            .Where(type => IsStandIn || Listing.Types.ContainsKey(ApiSignature.KeyOf(type)))
            .Select(type => new object[] { ApiSignature.KeyOf(type), type });

    private static IEnumerable<Assembly> Assemblies
        => new[] { typeof(MLContext), typeof(IHost), typeof(IDataView), typeof(MetricStatistics), typeof(MLImage) }
            .Select(type => type.Assembly)
            .Distinct();

    private static bool IsStandIn => typeof(MLContext).Assembly == typeof(IDataView).Assembly;

    [TestMethod]
    [DynamicData(nameof(PublicTypes))]
    public void PublicMembersAreThoseOfTheList(string name, Type type)
    {
        string[] differences = IsStandIn ? [.. NotListed(type, name)] : [.. NotThere(type, name)];

        Assert.IsEmpty(differences, $"{name}:\n{string.Join("\n", differences)}");
    }

    [TestMethod]
    [DataRow(typeof(OtherDefault.InputOutputColumnPair))]
    [DataRow(typeof(OtherParameterName.InputOutputColumnPair))]
    [DataRow(typeof(OtherPropertyType.InputOutputColumnPair))]
    [DataRow(typeof(OneMemberMore.InputOutputColumnPair))]
    public void AWrongSignatureIsCaught(Type wrong)
    {
        string[] differences = [.. NotListed(wrong, "Microsoft.ML.InputOutputColumnPair`0")];

        Assert.HasCount(1, differences, string.Join("\n", differences));
    }

    [TestMethod]
    public void AnUnlistedTypeIsCaught()
    {
        Assert.IsNotEmpty(NotListed(typeof(ApiConformanceTests), "Microsoft.ML.NoSuchType`0"));
    }

    private static IEnumerable<string> NotListed(Type type, string listedName)
    {
        if (!Listing.Types.TryGetValue(listedName, out ApiListing.ListedType? listed))
        {
            return [$"the type {listedName}"];
        }

        return new[] { ApiSignature.OfType(type) }.Except([listed.Head])
            .Concat(ApiSignature.BasesOf(type).Except(listed.Bases).Select(missing => $"base {missing}"))
            .Concat(ApiSignature.MembersOf(type).Except(listed.Members));
    }

    private static IEnumerable<string> NotThere(Type type, string listedName)
    {
        ApiListing.ListedType listed = Listing.Types[listedName];
        return listed.Members.Except(ApiSignature.MembersOf(type)).Append(listed.Head).Except([ApiSignature.OfType(type)]);
    }

    // Each InputOutputColumnPair differs in one place from the one of the list.
#pragma warning disable CS9113 // The constructors are there for their signatures.
    private static class OtherDefault
    {
        public sealed class InputOutputColumnPair(string outputColumnName, string inputColumnName = "x")
        {
            public string InputColumnName { get; } = "";
        }
    }

    private static class OtherParameterName
    {
        public sealed class InputOutputColumnPair(string outputColumn, string? inputColumnName = null)
        {
            public string InputColumnName { get; } = "";
        }
    }

    private static class OtherPropertyType
    {
        public sealed class InputOutputColumnPair(string outputColumnName, string? inputColumnName = null)
        {
            public object InputColumnName { get; } = "";
        }
    }

    private static class OneMemberMore
    {
        public sealed class InputOutputColumnPair(string outputColumnName, string? inputColumnName = null)
        {
            public string InputColumnName { get; } = "";

            public string OtherColumnName { get; } = "";
        }
    }
#pragma warning restore CS9113
}
