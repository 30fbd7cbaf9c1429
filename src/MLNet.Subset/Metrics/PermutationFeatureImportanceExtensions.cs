using System.Collections.Immutable;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>How much a model's metrics suffer when the values of one feature are dealt out to the wrong rows.</summary>
public static class PermutationFeatureImportanceExtensions
{
    /// <summary>For each slot of the features the change of the metrics when it is permuted, over some permutations.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="predictionTransformer">The model.</param>
    /// <param name="data">Data as the model expects it, not scored.</param>
    /// <param name="labelColumnName">The labels.</param>
    /// <param name="useFeatureWeightFilter">Whether to skip features of weight zero; models here expose no weights, so it has no effect.</param>
    /// <param name="numberOfExamplesToUse">At most so many rows.</param>
    /// <param name="permutationCount">How many permutations of each slot.</param>
    public static ImmutableArray<MulticlassClassificationMetricsStatistics> PermutationFeatureImportance<TModel>(
        this MulticlassClassificationCatalog catalog,
        ISingleFeaturePredictionTransformer<TModel> predictionTransformer,
        IDataView data,
        string labelColumnName = "Label",
        bool useFeatureWeightFilter = false,
        int? numberOfExamplesToUse = null,
        int permutationCount = 1)
        where TModel : class
    {
        ArgumentNullException.ThrowIfNull(predictionTransformer);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(permutationCount);
        IDataView rows = numberOfExamplesToUse is int count ? new RowRangeDataView(data, skip: 0, take: count) : data;
        DataViewSchema.Column features = rows.Schema.RequireColumn(predictionTransformer.FeatureColumnName, "feature");
        if (features.Type is not VectorDataViewType { IsKnownSize: true } vector || vector.ItemType != NumberDataViewType.Single)
        {
            throw SchemaMismatch.WrongType(nameof(data), "feature", features.Name, "vector of known size of Single", features.Type.ToString());
        }

        Random rand = catalog.NewHost(nameof(PermutationFeatureImportance)).Rand;
        MulticlassClassificationMetrics baseline = catalog.Evaluate(predictionTransformer.Transform(rows), labelColumnName);
        var importances = new MulticlassClassificationMetricsStatistics[vector.Size];
        for (int slot = 0; slot < importances.Length; slot++)
        {
            importances[slot] = new MulticlassClassificationMetricsStatistics();
            float[] values = [.. rows.GetColumn<VBuffer<float>>(features).Select(row => row.GetItemOrDefault(slot))];
            for (int permutation = 0; permutation < permutationCount; permutation++)
            {
                rand.Shuffle(values);
                var permuted = new MappedDataView(rows, ColumnMapper.Append(rows.Schema, new PermutedSlot(features, slot, values)));
                importances[slot].AddChange(catalog.Evaluate(predictionTransformer.Transform(permuted), labelColumnName), baseline);
            }
        }

        return [.. importances];
    }

    /// <summary>The features, but with other values in one slot: those of row i come from place i of a list.</summary>
    private sealed class PermutedSlot(DataViewSchema.Column features, int slot, float[] values) : ColumnComputation
    {
        public override DataViewSchema.DetachedColumn[] OutputColumns { get; } = [new DataViewSchema.DetachedColumn(features)];

        public override IEnumerable<int> InputsOf(int output) => [features.Index];

        public override Delegate[] MakeGetters(DataViewRow input, bool[] active)
        {
            ValueGetter<VBuffer<float>> getFeatures = input.GetGetter<VBuffer<float>>(features);
            VBuffer<float> buffer = default;
            return
            [
                (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
                {
                    getFeatures(ref buffer);
                    buffer.CopyToDense(ref value);
                    VBufferEditor<float> editor = VBufferEditor.CreateFromBuffer(ref value);
                    editor.Values[slot] = values[input.Position];
                    value = editor.Commit();
                }),
            ];
        }
    }
}
