using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Kfac.Tests.Oracles;

/// <summary>An array, row-major, in double precision.</summary>
internal sealed record OnnxTensor(int[] Shape, double[] Values);

/// <summary>What ONNX Runtime makes of an exported file.</summary>
internal static class OnnxRuntimeRun
{
    /// <summary>All outputs of the graph, by name.</summary>
    /// <param name="file">The ONNX file.</param>
    /// <param name="input">The graph's only input.</param>
    public static Dictionary<string, OnnxTensor> Outputs(byte[] file, OnnxTensor input)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(file, options);
        var pixels = new DenseTensor<float>(Array.ConvertAll(input.Values, value => (float)value), input.Shape);
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run([NamedOnnxValue.CreateFromTensor(session.InputNames.Single(), pixels)]);
        return outputs.ToDictionary(output => output.Name, output => output.Value switch
        {
            Tensor<float> numbers => new OnnxTensor(numbers.Dimensions.ToArray(), [.. numbers.Select(value => (double)value)]),
            Tensor<long> numbers => new OnnxTensor(numbers.Dimensions.ToArray(), [.. numbers.Select(value => (double)value)]),
            var other => throw new FormatException($"output {output.Name} is {other}"),
        });
    }
}
