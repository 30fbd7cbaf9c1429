using System.Reflection;

namespace Kfac.Tests;

/// <summary>The engine is read bottom-up: a room knows those below it and never looks up.</summary>
[TestClass]
public sealed class ArchitectureTests
{
    private static readonly Assembly Engine = typeof(ImageShape).Assembly;

    /// <summary>Each room with those it may use; all may use what lies in the hall, the namespace <c>Kfac</c> itself.</summary>
    private static readonly Dictionary<string, string[]> Rooms = new()
    {
        ["Parallel"] = [],
        ["Kernels"] = [],
        ["Networks"] = [],
        ["Memory"] = ["Kernels", "Parallel"],
        ["Layers"] = ["Memory", "Networks", "Kernels", "Parallel"],
        ["Running"] = ["Layers", "Memory", "Networks", "Kernels", "Parallel"],
        ["Curvature"] = ["Running", "Layers", "Memory", "Networks", "Kernels", "Parallel"],
        ["Optimizers"] = ["Curvature", "Running", "Layers", "Memory", "Networks", "Kernels", "Parallel"],
        ["Images"] = ["Memory", "Networks", "Parallel"],
        ["Models"] = ["Images", "Optimizers", "Curvature", "Running", "Memory", "Networks", "Parallel"],
        ["Training"] = ["Models", "Images", "Optimizers", "Curvature", "Running", "Memory", "Networks", "Parallel"],
        ["Audit"] = ["Models", "Images", "Optimizers", "Curvature", "Running", "Layers", "Memory", "Networks", "Parallel"],
    };

    /// <summary>The rooms with a door to the outside; those between them are for the engine alone.</summary>
    private static readonly string[] PublicNamespaces =
        ["Kfac", "Kfac.Networks", "Kfac.Images", "Kfac.Memory", "Kfac.Curvature", "Kfac.Optimizers", "Kfac.Models", "Kfac.Training", "Kfac.Audit", "Kfac.Parallel"];

    [TestMethod]
    public void Every_type_has_its_room() =>
        CollectionAssert.AreEquivalent(Rooms.Keys, Types().Select(Room).Where(room => room.Length > 0).Distinct().ToArray());

    [TestMethod]
    public void No_room_looks_up()
    {
        string[] upward = [.. Types().SelectMany(type => UsedTypes.Of(type).Where(used => used.Assembly == Engine && !MayUse(Room(type), Room(used))).Select(used => $"{type} uses {used}"))];

        Assert.IsEmpty(upward, string.Join(Environment.NewLine, upward));
    }

    [TestMethod]
    public void Public_types_lie_in_the_rooms_with_a_door() =>
        CollectionAssert.AreEquivalent(PublicNamespaces, Engine.GetExportedTypes().Select(type => type.Namespace).Distinct().ToArray());

    [TestMethod]
    public void The_engine_knows_nothing_of_MLNET()
    {
        string[] references = [.. Engine.GetReferencedAssemblies().Select(name => name.Name!)];

        Assert.IsEmpty(references.Where(name => name.StartsWith("Microsoft.ML", StringComparison.Ordinal) || name.StartsWith("MLNet", StringComparison.Ordinal)));
    }

    private static IEnumerable<Type> Types() => Engine.GetTypes().Where(type => type.Namespace is "Kfac" || type.Namespace?.StartsWith("Kfac.", StringComparison.Ordinal) == true);

    private static bool MayUse(string room, string other) => other == "" || other == room || (room != "" && Rooms[room].Contains(other));

    private static string Room(Type type) => type.Namespace is { Length: > 5 } name ? name["Kfac.".Length..] : "";
}
