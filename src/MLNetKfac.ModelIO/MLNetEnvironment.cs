using System.Runtime.CompilerServices;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetKfac.ModelIO;

/// <summary>The environment behind ML.NET's catalogs, which they show to ML.NET's own assemblies only.</summary>
public static class MLNetEnvironment
{
    /// <summary>The environment of <c>mlContext.MulticlassClassification.Trainers</c>.</summary>
    public static IHostEnvironment Of(MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return EnvironmentOf(OwnerOf(catalog));
    }

    /// <summary>The environment of <c>mlContext.Data</c>.</summary>
    public static IHostEnvironment Of(DataOperationsCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return EnvironmentOf(catalog);
    }

    /// <summary>Whether <c>MLContext.CancelExecution</c> was called since <paramref name="environment"/> was registered.</summary>
    public static bool IsCancelled(IHostEnvironment environment) => environment is ICancelable { IsCanceled: true };

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Owner")]
    private static extern TrainCatalogBase OwnerOf(TrainCatalogBase.CatalogInstantiatorBase trainers);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Environment")]
    private static extern IHostEnvironment EnvironmentOf(TrainCatalogBase catalog);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "Microsoft.ML.Data.IInternalCatalog.get_Environment")]
    private static extern IHostEnvironment EnvironmentOf(DataOperationsCatalog catalog);
}
