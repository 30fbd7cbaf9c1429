using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetKfac.ModelIO;

/// <summary>
/// Members that ML.NET shows to its own assemblies only. With <see cref="TransformerPersistence"/>, this is all that the component
/// needs of them.
/// </summary>
internal static class MLNetInternals
{
    /// <summary>The environment of the context that <paramref name="trainers"/> belong to.</summary>
    /// <exception cref="NotSupportedException">The ML.NET in use lacks an internal member that this needs.</exception>
    public static IHostEnvironment EnvironmentOf(MulticlassClassificationCatalog.MulticlassClassificationTrainers trainers) =>
        Use(() => Environment(Owner(trainers)));

    /// <summary>The environment of the context that <paramref name="catalog"/>, its <c>Data</c>, belongs to.</summary>
    /// <exception cref="NotSupportedException">The ML.NET in use lacks an internal member that this needs.</exception>
    public static IHostEnvironment EnvironmentOf(DataOperationsCatalog catalog) => Use(() => Environment(catalog));

    /// <summary>The names, types and annotations of <paramref name="schema"/>, without sizes and values.</summary>
    /// <exception cref="NotSupportedException">The ML.NET in use lacks an internal member that this needs.</exception>
    public static SchemaShape ShapeOf(DataViewSchema schema) => Use(() => CreateShape(null, schema));

    /// <summary>Whether <c>MLContext.CancelExecution</c> was called since <paramref name="environment"/> was registered.</summary>
    /// <exception cref="NotSupportedException">The ML.NET in use lacks an internal member that this needs.</exception>
    public static bool IsCancelled(IHostEnvironment environment) => Use(() => environment is ICancelable { IsCanceled: true });

    /// <summary>The result of <paramref name="code"/>, which names internal members.</summary>
    /// <exception cref="NotSupportedException">The ML.NET in use lacks one of them.</exception>
    /// <remarks>A missing member shows when the method that names it is compiled: code of its own, called inside try.</remarks>
    public static T Use<T>(Func<T> code)
    {
        try
        {
            return code();
        }
        catch (Exception missing) when (missing is MemberAccessException or TypeLoadException)
        {
            throw new NotSupportedException($"This version of Microsoft.ML lacks an internal member that MLNetKfac needs; version 5.0.1 has it. {missing.Message}", missing);
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Owner")]
    private static extern TrainCatalogBase Owner(TrainCatalogBase.CatalogInstantiatorBase trainers);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Environment")]
    private static extern IHostEnvironment Environment(TrainCatalogBase catalog);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "Microsoft.ML.Data.IInternalCatalog.get_Environment")]
    private static extern IHostEnvironment Environment(DataOperationsCatalog catalog);

    [UnsafeAccessor(UnsafeAccessorKind.StaticMethod, Name = "Create")]
    private static extern SchemaShape CreateShape(SchemaShape? type, DataViewSchema schema);
}
