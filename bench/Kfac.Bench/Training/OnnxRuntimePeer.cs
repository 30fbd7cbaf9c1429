using Kfac.Models;
using Microsoft.ML.OnnxRuntime;

namespace Kfac.Bench.Training;

/// <summary>ONNX Runtime on a model's exported file, the same images and number of threads.</summary>
internal sealed class OnnxRuntimePeer : IDisposable
{
    private readonly string[] _inputs, _outputs;
    private readonly InferenceSession _session;
    private readonly RunOptions _options = new();
    private readonly OrtValue[] _values;

    public OnnxRuntimePeer(ImageClassifier model, float[] images, int count, int threads)
    {
        using var file = new MemoryStream();
        model.ExportToOnnx(file);
        using var options = new SessionOptions { IntraOpNumThreads = threads, InterOpNumThreads = 1 };
        _session = new InferenceSession(file.ToArray(), options);
        (string name, NodeMetadata input) = _session.InputMetadata.Single();
        (_inputs, _outputs) = ([name], [new OnnxExportOptions().ScoreName]);
        long[] shape = [.. input.Dimensions.Select((size, axis) => axis == 0 ? count : (long)size)];
        _values = [OrtValue.CreateTensorValueFromMemory(images, shape)];
    }

    public void Predict()
    {
        using IDisposableReadOnlyCollection<OrtValue> scores = _session.Run(_options, _inputs, _values, _outputs);
    }

    public void Dispose()
    {
        foreach (OrtValue value in _values)
        {
            value.Dispose();
        }

        _options.Dispose();
        _session.Dispose();
    }
}
