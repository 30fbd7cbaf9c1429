using System.Numerics.Tensors;

namespace Kfac.Curvature;

/// <summary>The minibatches, inputs and outputs, that are registered with a block and wait for their gradients.</summary>
internal sealed class MinibatchList
{
    private readonly List<(Tensor<float> Inputs, Tensor<float> Outputs)> _minibatches = [];

    public int Count => _minibatches.Count;

    /// <summary>The outputs, in order of registration.</summary>
    public IReadOnlyList<Tensor<float>> Outputs => [.. _minibatches.Select(minibatch => minibatch.Outputs)];

    /// <summary>Examples of all minibatches.</summary>
    public int Examples => _minibatches.Sum(minibatch => minibatch.Inputs.Size(0));

    /// <exception cref="ArgumentException">There is no example.</exception>
    public void Add(Tensor<float> inputs, Tensor<float> outputs)
    {
        if (inputs.Size(0) == 0)
        {
            throw new ArgumentException($"a minibatch must have at least one example, but inputs have shape {inputs.ShapeText()}", nameof(inputs));
        }

        _minibatches.Add((inputs, outputs));
    }

    /// <summary>Pairs every source's gradients with the inputs they belong to.</summary>
    /// <exception cref="ArgumentException">Numbers or shapes do not match what was registered.</exception>
    /// <exception cref="InvalidOperationException">No minibatch is registered.</exception>
    public List<(Tensor<float> Inputs, Tensor<float> Gradients, int Source)> Pair(IReadOnlyList<IReadOnlyList<Tensor<float>>> gradsList)
    {
        if (_minibatches.Count == 0)
        {
            throw new InvalidOperationException("no minibatch is registered: call RegisterAdditionalMinibatch first");
        }

        var pairs = new List<(Tensor<float>, Tensor<float>, int)>();
        for (int s = 0; s < gradsList.Count; s++)
        {
            IReadOnlyList<Tensor<float>> source = gradsList[s];
            if (source.Count != _minibatches.Count)
            {
                throw new ArgumentException($"each source must give one gradient for each of the {_minibatches.Count} registered minibatches, but one gives {source.Count}", nameof(gradsList));
            }

            for (int i = 0; i < source.Count; i++)
            {
                source[i].RequireShape(_minibatches[i].Outputs.Shape(), $"the gradient for minibatch {i}", nameof(gradsList));
                pairs.Add((_minibatches[i].Inputs, source[i], s));
            }
        }

        return pairs;
    }

    public void Clear() => _minibatches.Clear();
}
