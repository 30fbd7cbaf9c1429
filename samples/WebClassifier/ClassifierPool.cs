using System.Threading.Channels;
using Kfac;
using Microsoft.ML;
using MLNetKfac;

namespace WebClassifier;

/// <summary>
/// One model, loaded once, and an engine for each processor, because an engine serves one thread at a time. Requests wait for
/// the next free engine in their order.
/// </summary>
public sealed class ClassifierPool : IDisposable
{
    private readonly Channel<ClassifierEngine> _idle = Channel.CreateUnbounded<ClassifierEngine>();
    private readonly ClassifierEngine[] _engines;

    /// <param name="modelPath">The model file.</param>
    /// <param name="engines">Pictures that are classified at once, at least 1.</param>
    /// <exception cref="ArgumentException">The model has no image classifier, or one that does not take images.</exception>
    public ClassifierPool(string modelPath, int engines)
    {
        MLContext mlContext = new();
        KfacImageClassificationTransformer classifier = KfacImageClassificationTransformer.FindIn(mlContext.Model.Load(modelPath, out _));
        ImageShape shape = classifier.Model.Network.Input;
        Classes = classifier.Model.ClassNames ?? [.. Enumerable.Range(1, classifier.Model.ClassCount).Select(number => $"class {number}")];
        (Height, Width) = (shape.Height, shape.Width);
        _engines = [.. Enumerable.Range(0, engines).Select(_ => new ClassifierEngine(mlContext, classifier, Classes))];
        foreach (ClassifierEngine engine in _engines)
        {
            _idle.Writer.TryWrite(engine);
        }
    }

    /// <summary>Names, in the order of the scores.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Rows of the model's images.</summary>
    public int Height { get; }

    /// <summary>Columns of the model's images.</summary>
    public int Width { get; }

    /// <summary>Runs <paramref name="work"/> with an engine of its own, away from the threads that answer requests.</summary>
    public async Task<TResult> UseAsync<TResult>(Func<ClassifierEngine, TResult> work, CancellationToken cancellation)
    {
        ClassifierEngine engine = await _idle.Reader.ReadAsync(cancellation);
        try
        {
            return await Task.Run(() => work(engine), cancellation);
        }
        finally
        {
            _idle.Writer.TryWrite(engine);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Array.ForEach(_engines, engine => engine.Dispose());
}
