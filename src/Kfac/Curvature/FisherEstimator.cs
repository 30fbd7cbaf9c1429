using Kfac.Layers;
using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Curvature;

/// <summary>
/// Feeds the blocks of a network from its backward passes (tf.contrib.kfac.estimator.FisherEstimator), and leaves the
/// gradient of the mean loss behind as the last of them.
/// </summary>
internal sealed class FisherEstimator
{
    private readonly Network _network;
    private readonly SoftmaxCrossEntropy _loss;
    private readonly EstimationMode _mode;
    private readonly int _seed;
    private readonly BackwardQuantities _needs;

    public FisherEstimator(Network network, SoftmaxCrossEntropy loss, LayerCollection layers, EstimationMode mode, int seed)
    {
        _network = network;
        _loss = loss;
        _mode = mode;
        _seed = seed;
        Blocks = [.. layers.Blocks];
        foreach (FisherBlock block in Blocks)
        {
            _needs |= block.Needs;
        }
    }

    /// <summary>The collection's blocks, as an array: going through it allocates nothing.</summary>
    public FisherBlock[] Blocks { get; }

    /// <summary>How many statistics were left out because they were not finite.</summary>
    public int Refused { get; private set; }

    /// <summary>Backward pass for the gradient only.</summary>
    public void ComputeGradient(ReadOnlySpan<int> labels)
    {
        _loss.WriteGradient(labels, _network.LogitsGradient!);
        _network.Backward(BackwardQuantities.Gradient);
    }

    /// <summary>The backward passes for one update of every block's statistic and for the gradient.</summary>
    /// <param name="labels">The batch's classes.</param>
    /// <param name="step">Number of the step: labels and signs are drawn anew for each, the same for the same seed.</param>
    public void UpdateCurvatureAndGradient(ReadOnlySpan<int> labels, long step)
    {
        var random = new SplitMix64(_seed, RandomStream.CurvatureLabels, step);
        int examples = labels.Length;
        switch (_mode)
        {
            case EstimationMode.Empirical:
                _loss.WriteGradient(labels, _network.LogitsGradient!);
                BackwardForBlocks(examples, BackwardQuantities.Gradient | _needs);
                UpdateBlocks(examples, Pass.Only);
                return;
            case EstimationMode.Gradients:
                _loss.WriteSampledGradient(random, examples, _network.LogitsGradient!);
                BackwardForBlocks(examples, _needs);
                UpdateBlocks(examples, Pass.Only);
                break;
            case EstimationMode.CurvaturePropagation:
                _loss.WritePropagatedSigns(random, examples, _network.LogitsGradient!);
                BackwardForBlocks(examples, _needs);
                UpdateBlocks(examples, Pass.Only);
                break;
            case EstimationMode.Exact:
                for (int c = 0; c < _loss.Classes; c++)
                {
                    _loss.WriteFisherColumn(c, examples, _network.LogitsGradient!);
                    BackwardForBlocks(examples, _needs);
                    UpdateBlocks(examples, new Pass(c, _loss.Classes));
                }

                break;
        }

        ComputeGradient(labels);
    }

    /// <summary>A backward pass that keeps the output gradients that some block reads. Those of layers that take the whole batch are there anyway.</summary>
    private void BackwardForBlocks(int examples, BackwardQuantities quantities)
    {
        int read = 0;
        foreach (FisherBlock block in Blocks)
        {
            read = block.Layer is ExampleLayer ? Math.Max(read, block.ExamplesRead(examples)) : read;
        }

        _network.Backward(quantities, read);
    }

    private void UpdateBlocks(int examples, Pass pass)
    {
        foreach (FisherBlock block in Blocks)
        {
            Refused += block.UpdateFromLayer(examples, pass) ? 0 : 1;
        }
    }
}
