using Kfac.Models;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Columns;

namespace MLNetKfac.Reports;

/// <summary>Reads test rows and classifies them, some at once.</summary>
/// <param name="Classifier">What classifies.</param>
/// <param name="Features">Column of the pixels.</param>
/// <param name="Format">How images lie in it.</param>
/// <param name="Label">Column of the classes, keys or text.</param>
/// <param name="Names">Text that the keys were made of, if it is known: it tells a class that the model does not know from a missing one.</param>
/// <param name="Path">Column of the pictures' paths; null for none.</param>
/// <param name="Threads">Threads to compute with, at least 1.</param>
internal sealed record TestRun(ImageClassifier Classifier, DataViewSchema.Column Features, PixelFormat Format, DataViewSchema.Column Label, DataViewSchema.Column? Names, DataViewSchema.Column? Path, int Threads)
{
    /// <exception cref="InvalidOperationException">A row is of a class that the model does not know.</exception>
    public void Execute(IDataView rows, TestResult result)
    {
        using DataViewRowCursor cursor = rows.GetRowCursor(((DataViewSchema.Column?[])[Features, Label, Names, Path]).OfType<DataViewSchema.Column>());
        using ImagePredictor predictor = Classifier.CreatePredictor(Classifier.UsualBatchCapacity, Threads);
        PixelReader reader = PixelReader.Create(cursor, Features, Format);
        Func<int> label = LabelReader(cursor, result.ClassNames);
        ValueGetter<ReadOnlyMemory<char>>? pathGetter = Path is { } column ? cursor.GetGetter<ReadOnlyMemory<char>>(column) : null;
        int size = Format.Shape.Size, capacity = predictor.BatchCapacity, count = 0;
        float[] pixels = new float[capacity * size], probabilities = new float[capacity * Classifier.ClassCount];
        var labels = new int[capacity];
        var names = new string[capacity];
        ReadOnlyMemory<char> text = default;
        while (cursor.MoveNext())
        {
            labels[count] = label();
            if (labels[count] < 0 || reader.Read(pixels.AsSpan(count * size, size)) >= 0)
            {
                result.LeftOut++;
                continue;
            }

            pathGetter?.Invoke(ref text);
            names[count] = pathGetter is null ? $"row {cursor.Position}" : End(text.ToString());
            if (++count == capacity)
            {
                Classify();
            }
        }

        Classify();

        void Classify()
        {
            if (count == 0)
            {
                return;
            }

            int classes = Classifier.ClassCount;
            predictor.Predict(pixels.AsSpan(0, count * size), probabilities.AsSpan(0, count * classes));
            for (int n = 0; n < count; n++)
            {
                string name = names[n];
                result.Add(pixels.AsSpan(n * size, size), labels[n], probabilities.AsSpan(n * classes, classes), () => name);
            }

            count = 0;
        }
    }

    /// <summary>Gives the class of a row by its name, or by its number where the key has no names; -1 where it is missing.</summary>
    private Func<int> LabelReader(DataViewRow row, IReadOnlyList<string> classNames)
    {
        var numbers = new Dictionary<string, int>();
        for (int number = 0; number < classNames.Count; number++)
        {
            numbers.TryAdd(classNames[number], number);
        }

        int Number(string name) => numbers.TryGetValue(name, out int number)
            ? number
            : throw new InvalidOperationException($"column '{Label.Name}' has the class '{name}', which the model does not know: its classes are {string.Join(", ", classNames.Take(20))}{(classNames.Count > 20 ? ", …" : "")}");

        if (Label.Type is TextDataViewType)
        {
            ValueGetter<ReadOnlyMemory<char>> getter = row.GetGetter<ReadOnlyMemory<char>>(Label);
            ReadOnlyMemory<char> name = default;
            return () =>
            {
                getter(ref name);
                return name.IsEmpty ? -1 : Number(name.ToString());
            };
        }

        LabelColumn keys = LabelColumn.Find(row.Schema, Label.Name);
        Func<int> key = keys.GetReader(row);
        ValueGetter<ReadOnlyMemory<char>>? text = Names is { } names ? row.GetGetter<ReadOnlyMemory<char>>(names) : null;
        ReadOnlyMemory<char> unknown = default;
        return () =>
        {
            if (key() is >= 0 and int value)
            {
                return Number(keys.NameOf(value));
            }

            text?.Invoke(ref unknown);
            return unknown.IsEmpty ? -1 : Number(unknown.ToString());
        };
    }

    /// <summary>Folder and name of a file: enough to find it, and nothing of whose computer it was.</summary>
    private static string End(string path) => string.Join('/', path.Split('/', '\\').TakeLast(2));
}
