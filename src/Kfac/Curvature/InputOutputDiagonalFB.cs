using System.Numerics.Tensors;
using Kfac.Memory;

namespace Kfac.Curvature;

/// <summary>
/// A diagonal block whose statistic comes from a layer's inputs and the gradients at its outputs: the shared part of
/// convolutions and dense layers.
/// </summary>
public abstract class InputOutputDiagonalFB : DiagonalFB
{
    private readonly MinibatchList _minibatches = new();

    private protected InputOutputDiagonalFB(LayerCollection layerCollection, ReadOnlySpan<int> weightsShape, bool hasBias)
        : base(layerCollection, weightsShape, hasBias)
    {
    }

    /// <inheritdoc/>
    public sealed override int NumRegisteredMinibatches => _minibatches.Count;

    internal sealed override BackwardQuantities Needs => BackwardQuantities.SquaredGradient;

    /// <summary>Adds a minibatch for the next <see cref="FisherBlock.InstantiateFactors"/>; minibatches may differ in size.</summary>
    /// <param name="inputs">What came into the layer.</param>
    /// <param name="outputs">What the layer made of it, before any non-linearity.</param>
    /// <exception cref="ArgumentException">A shape is not that of the layer's inputs or outputs.</exception>
    public void RegisterAdditionalMinibatch(Tensor<float> inputs, Tensor<float> outputs)
    {
        RequireMinibatch(inputs, outputs);
        _minibatches.Add(inputs, outputs);
    }

    /// <summary>The outputs of the registered minibatches, in order of registration.</summary>
    public sealed override IReadOnlyList<Tensor<float>> TensorsToComputeGrads() => _minibatches.Outputs;

    /// <inheritdoc/>
    public sealed override void InstantiateFactors(IReadOnlyList<IReadOnlyList<Tensor<float>>> gradsList, float damping)
    {
        ArgumentNullException.ThrowIfNull(gradsList);
        RequireDamping(damping);
        RequireSources(gradsList);
        var sums = new float[WeightsLength + BiasLength];
        foreach ((Tensor<float> inputs, Tensor<float> gradients, _) in _minibatches.Pair(gradsList))
        {
            AddSquares(inputs, gradients, sums);
        }

        UpdateFromSums(sums, _minibatches.Examples);
        Damping = damping;
        _minibatches.Clear();
    }

    internal sealed override bool UpdateFromLayer(int examples, Pass pass)
    {
        IReadOnlyList<Parameter> parameters = Layer!.Parameters;
        return Factor.Update(parameters[0].SquaredGradient, HasBias ? parameters[1].SquaredGradient : [], continues: !pass.IsFirst);
    }

    /// <summary>Checks the shapes of a minibatch against the layer and each other.</summary>
    private protected abstract void RequireMinibatch(Tensor<float> inputs, Tensor<float> outputs);

    /// <summary>sums += sum over examples of the squared per-example gradients, [weights row-major | bias].</summary>
    private protected abstract void AddSquares(Tensor<float> inputs, Tensor<float> outputGradients, float[] sums);
}
