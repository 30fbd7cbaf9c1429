namespace Microsoft.ML.Data;

/// <summary>Counts, over rows of labels and scores, what the multiclass metrics are made of.</summary>
internal sealed class MulticlassTally
{
    // Below this a probability counts as this: a single sure mistake shall not make the mean infinite.
    private const float SmallestProbability = 1e-15f;

    private readonly DataViewSchema.Column _label;
    private readonly DataViewSchema.Column _score;
    private readonly string[] _classNames;
    private readonly double[][] _confusion;
    private readonly double[] _rowsOfClass;
    private readonly double[] _logLossOfClass;

    // How many labels were at each rank of the sorted scores; the last is for labels that have no score.
    private readonly double[] _labelsAtRank;

    private double _rows;
    private double _logLoss;

    public MulticlassTally(DataViewSchema schema, string labelColumnName, string scoreColumnName)
    {
        _label = schema.RequireColumn(labelColumnName, "label");
        _score = schema.RequireColumn(scoreColumnName, "score");
        if (_score.Type is not VectorDataViewType { Size: >= 2 } scores || scores.ItemType != NumberDataViewType.Single)
        {
            throw SchemaMismatch.WrongType(nameof(schema), "score", _score.Name, "vector of two or more items of type Single", _score.Type.ToString());
        }

        if (_label.Type is not KeyDataViewType && _label.Type != NumberDataViewType.Single)
        {
            throw SchemaMismatch.WrongType(nameof(schema), "label", _label.Name, "Single or Key", _label.Type.ToString());
        }

        _classNames = ClassNames(scores.Size);
        _confusion = [.. Enumerable.Range(0, scores.Size).Select(_ => new double[scores.Size])];
        _rowsOfClass = new double[scores.Size];
        _logLossOfClass = new double[scores.Size];
        _labelsAtRank = new double[scores.Size + 1];
    }

    public IEnumerable<DataViewSchema.Column> Columns => [_label, _score];

    /// <summary>The rows whose label has no score.</summary>
    public long UnknownLabels { get; private set; }

    public void AddRows(DataViewRowCursor cursor)
    {
        Func<int> getLabel = MakeLabelGetter(cursor);
        ValueGetter<VBuffer<float>> getScores = cursor.GetGetter<VBuffer<float>>(_score);
        VBuffer<float> buffer = default;
        var scores = new float[_rowsOfClass.Length];
        while (cursor.MoveNext())
        {
            int label = getLabel();
            getScores(ref buffer);
            buffer.CopyTo(scores);
            if (label >= 0 && Array.TrueForAll(scores, float.IsFinite))
            {
                AddRow(label, scores);
            }
        }
    }

    public MulticlassClassificationMetrics ToMetrics(int topKPredictionCount)
    {
        double[] recalls = [.. Enumerable.Range(0, _rowsOfClass.Length)
            .Where(label => _rowsOfClass[label] > 0)
            .Select(label => _confusion[label][label] / _rowsOfClass[label])];
        double logLoss = Ratio(_logLoss, _rows);

        // The log loss of always predicting the frequencies of the classes.
        double priorLogLoss = -_rowsOfClass.Where(rows => rows > 0).Sum(rows => rows / _rows * Math.Log(rows / _rows));
        return new MulticlassClassificationMetrics
        {
            MicroAccuracy = Ratio(_labelsAtRank[0], _rows),
            MacroAccuracy = recalls.DefaultIfEmpty().Average(),
            LogLoss = logLoss,
            LogLossReduction = (priorLogLoss - logLoss) / priorLogLoss,
            TopKPredictionCount = topKPredictionCount,
            TopKAccuracyForAllK = topKPredictionCount > 0 ? TopKAccuracies(topKPredictionCount) : null,
            PerClassLogLoss = [.. _logLossOfClass.Zip(_rowsOfClass, Ratio)],
            ConfusionMatrix = new ConfusionMatrix(_confusion, _classNames),
        };
    }

    private static double Ratio(double part, double whole) => whole > 0 ? part / whole : 0;

    private void AddRow(int label, float[] scores)
    {
        bool isKnown = label < scores.Length;
        double loss = -Math.Log(isKnown ? Math.Clamp(scores[label], SmallestProbability, 1) : SmallestProbability);
        _rows++;
        _logLoss += loss;
        if (!isKnown)
        {
            UnknownLabels++;
            _labelsAtRank[^1]++;
            return;
        }

        // Of equal scores the first one counts as the higher.
        int predicted = 0;
        int rank = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            predicted = scores[i] > scores[predicted] ? i : predicted;
            rank += scores[i] > scores[label] || (scores[i] == scores[label] && i < label) ? 1 : 0;
        }

        _rowsOfClass[label]++;
        _logLossOfClass[label] += loss;
        _labelsAtRank[rank]++;
        _confusion[label][predicted]++;
    }

    private double[] TopKAccuracies(int count)
    {
        var accuracies = new double[Math.Min(count, _labelsAtRank.Length)];
        double labelsSoFar = 0;
        for (int k = 0; k < accuracies.Length; k++)
        {
            labelsSoFar += _labelsAtRank[k];
            accuracies[k] = labelsSoFar / _rows;
        }

        return accuracies;
    }

    // The index of the class; negative where the label is missing or no class.
    private Func<int> MakeLabelGetter(DataViewRow row)
    {
        if (_label.Type is KeyDataViewType key)
        {
            return TypeArgument.Close(MakeKeyLabelGetter<uint>, key.RawType)(row);
        }

        ValueGetter<float> getter = row.GetGetter<float>(_label);
        float label = 0;
        return () =>
        {
            getter(ref label);
            return label >= 0 && label == (int)label ? (int)label : -1;
        };
    }

    private Func<int> MakeKeyLabelGetter<TKey>(DataViewRow row)
    {
        ValueGetter<TKey> getter = row.GetGetter<TKey>(_label);
        TKey key = default;
        return () =>
        {
            getter(ref key);
            return (int)Math.Min(Convert.ToUInt64(key), int.MaxValue) - 1;
        };
    }

    private string[] ClassNames(int count)
    {
        if (!_score.HasSlotNames())
        {
            return [.. Enumerable.Range(0, count).Select(index => $"{index}")];
        }

        VBuffer<ReadOnlyMemory<char>> names = default;
        _score.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }
}
