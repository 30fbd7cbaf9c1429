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
    private readonly FisherBlock[] _due;
    private int _dueCount;

    public FisherEstimator(Network network, SoftmaxCrossEntropy loss, LayerCollection layers, EstimationMode mode, int seed)
    {
        _network = network;
        _loss = loss;
        _mode = mode;
        _seed = seed;
        Blocks = [.. layers.Blocks];
        _due = new FisherBlock[Blocks.Length];
    }

    /// <summary>The collection's blocks, as an array: going through it allocates nothing.</summary>
    public FisherBlock[] Blocks { get; }

    /// <summary>How many statistics were left out because they were not finite.</summary>
    public int Refused { get; private set; }

    /// <summary>Backward pass for the gradient only.</summary>
    private void ComputeGradient(ReadOnlySpan<int> labels)
    {
        _loss.WriteGradient(labels, _network.LogitsGradient!);
        _network.Backward(BackwardQuantities.Gradient);
    }

    /// <summary>The backward passes for one update of the statistic of every block that is due, and for the gradient.</summary>
    /// <param name="labels">The batch's classes.</param>
    /// <param name="step">Number of the step: labels and signs are drawn anew for each, the same for the same seed.</param>
    public void UpdateCurvatureAndGradient(ReadOnlySpan<int> labels, long step)
    {
        BackwardQuantities needs = FindDue(step);
        if (_dueCount == 0)
        {
            ComputeGradient(labels);
            return;
        }

        var random = new SplitMix64(_seed, RandomStream.CurvatureLabels, step);
        int examples = labels.Length;
        switch (_mode)
        {
            case EstimationMode.Empirical:
                _loss.WriteGradient(labels, _network.LogitsGradient!);
                BackwardForBlocks(examples, BackwardQuantities.Gradient | needs);
                UpdateBlocks(examples, Pass.Only);
                return;
            case EstimationMode.Gradients:
                _loss.WriteSampledGradient(random, examples, _network.LogitsGradient!);
                BackwardForBlocks(examples, needs);
                UpdateBlocks(examples, Pass.Only);
                break;
            case EstimationMode.CurvaturePropagation:
                _loss.WritePropagatedSigns(random, examples, _network.LogitsGradient!);
                BackwardForBlocks(examples, needs);
                UpdateBlocks(examples, Pass.Only);
                break;
            case EstimationMode.Exact:
                for (int c = 0; c < _loss.Classes; c++)
                {
                    _loss.WriteFisherColumn(c, examples, _network.LogitsGradient!);
                    BackwardForBlocks(examples, needs);
                    UpdateBlocks(examples, new Pass(c, _loss.Classes));
                }

                break;
        }

        ComputeGradient(labels);
    }

    private ReadOnlySpan<FisherBlock> Due => _due.AsSpan(0, _dueCount);

    /// <summary>Finds the blocks whose statistic is due at a step, and what they need.</summary>
    private BackwardQuantities FindDue(long step)
    {
        BackwardQuantities needs = 0;
        _dueCount = 0;
        foreach (FisherBlock block in Blocks)
        {
            if ((step - 1) % block.UpdatePeriod == 0)
            {
                _due[_dueCount++] = block;
                needs |= block.Needs;
            }
        }

        return needs;
    }

    /// <summary>A backward pass that keeps the output gradients that some block reads. Those of layers that take the whole batch are there anyway.</summary>
    private void BackwardForBlocks(int examples, BackwardQuantities quantities)
    {
        int read = 0;
        foreach (FisherBlock block in Due)
        {
            read = block.Layer is ExampleLayer ? Math.Max(read, block.ExamplesRead(examples)) : read;
        }

        _network.Backward(quantities, read);
    }

    private void UpdateBlocks(int examples, Pass pass)
    {
        foreach (FisherBlock block in Due)
        {
            Refused += block.UpdateFromLayer(examples, pass) ? 0 : 1;
        }
    }
}
