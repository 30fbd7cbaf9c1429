using System.Numerics.Tensors;
using Kfac.Layers;
using Kfac.Memory;

namespace Kfac.Curvature;

/// <summary>
/// A block made of more than a diagonal, whose statistic comes from a layer's inputs and the gradients at its outputs:
/// the shared part of the Kronecker-factored blocks and <see cref="FullFB"/>. It sees the parameters as one matrix V
/// [P, K], weights row-major and the bias as the last row.
/// </summary>
public abstract unsafe class InputOutputFB : FisherBlock
{
    private readonly MinibatchList _minibatches = new();
    private readonly Minibatch _layerMinibatch;

    private protected InputOutputFB(LayerCollection layerCollection, BlockShape shape, Layer? layer)
        : base(layerCollection, shape.WeightsShape, shape.HasBias)
    {
        Shape = shape;
        Layer = layer;
        Vector = new AlignedBuffer(checked(shape.PatchLength * shape.Outputs));
        if (layer is not null)
        {
            LayerRows rows = shape.Rows(layer.Input, layer.OutputGradient!);
            _layerMinibatch = new Minibatch(rows, new RowChunk(rows, layerCollection.Workers), IsFirstSource: true);
            _layerMinibatch.Chunk.Reserve();
            if (layer is Dense dense)
            {
                dense.HasReader = true;
            }
        }
    }

    /// <inheritdoc/>
    public sealed override int NumRegisteredMinibatches => _minibatches.Count;

    internal sealed override BackwardQuantities Needs => BackwardQuantities.OutputGradients;

    private protected BlockShape Shape { get; }

    /// <summary>V [P, K], for the length of a call.</summary>
    private protected AlignedBuffer Vector { get; }

    /// <summary>Adds a minibatch for the next <see cref="FisherBlock.InstantiateFactors"/>; minibatches may differ in size.</summary>
    /// <param name="inputs">What came into the layer: [N, H, W, C] of a convolution, [N, F] of a dense layer.</param>
    /// <param name="outputs">What the layer made of it, before any non-linearity: [N, H', W', K] or [N, K].</param>
    /// <exception cref="ArgumentException">A shape is not that of the layer's inputs or outputs.</exception>
    public void RegisterAdditionalMinibatch(Tensor<float> inputs, Tensor<float> outputs)
    {
        Shape.RequireMinibatch(inputs, outputs);
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
        List<Minibatch> minibatches = [.. _minibatches.Pair(gradsList).Select(pair =>
        {
            LayerRows rows = Shape.Rows(pair.Inputs, pair.Gradients);
            return new Minibatch(rows, new RowChunk(rows, LayerCollection.Workers), pair.Source == 0);
        })];
        BeginStatistic();
        foreach (Minibatch minibatch in minibatches)
        {
            AddToStatistic(minibatch, new ExampleRange(0, minibatch.Rows.Capacity));
            EndMinibatch(minibatch, minibatch.Rows.Capacity);
        }

        if (!EndStatistic())
        {
            throw NotFinite();
        }

        Damping = damping;
        RefreshInverse();
        RefineStatistic(minibatches);
        _minibatches.Clear();
    }

    /// <remarks>Curvature changes slowly, and a convolution's locations are many: a part of the batch's examples will do.</remarks>
    internal sealed override int ExamplesRead(int examples) =>
        _layerMinibatch.Rows.Locations == 1 ? examples : Math.Min(examples, LayerCollection.FactorExamples ?? examples);

    internal sealed override bool UpdateFromLayer(int examples, Pass pass)
    {
        if (pass.IsFirst)
        {
            BeginStatistic();
        }

        Minibatch minibatch = _layerMinibatch with { IsFirstSource = pass.IsFirst };
        int read = ExamplesRead(examples);
        if (Layer is BatchLayer)
        {
            AddToStatistic(minibatch, new ExampleRange(0, read));
        }
        else
        {
            AddSlices(minibatch, new BatchPartition(examples, LayerCollection.Ranks), read);
        }

        EndMinibatch(minibatch, read);
        return !pass.IsLast || EndStatistic();
    }

    internal sealed override void MultiplyMatrixPower(ParameterSpans vector, ParameterSpans result, float exponent)
    {
        Join(vector);
        MultiplyVector(exponent);
        Split(result);
    }

    private protected abstract void BeginStatistic();

    /// <summary>Adds some examples of <paramref name="minibatch"/>.</summary>
    private protected abstract void AddToStatistic(Minibatch minibatch, ExampleRange examples);

    /// <summary>What <see cref="AddToStatistic"/> adds to.</summary>
    private protected abstract AlignedBuffer[] SumsOf(Minibatch minibatch);

    /// <summary>Comes after the <paramref name="examples"/> examples of <paramref name="minibatch"/>, on every rank.</summary>
    private protected abstract void EndMinibatch(Minibatch minibatch, int examples);

    /// <returns>False where the statistic was not finite and so was left out.</returns>
    private protected abstract bool EndStatistic();

    /// <summary>A second look at the minibatches of a block on its own, once its inverse is there.</summary>
    private protected virtual void RefineStatistic(IReadOnlyList<Minibatch> minibatches)
    {
    }

    /// <summary><see cref="Vector"/> = (F + λI)^exponent <see cref="Vector"/>.</summary>
    private protected abstract void MultiplyVector(float exponent);

    /// <summary>Adds the batch's first <paramref name="read"/> examples, rank after rank and slice after slice: a chunk of rows never spans two slices.</summary>
    private void AddSlices(Minibatch minibatch, BatchPartition batch, int read)
    {
        AlignedBuffer[] sums = SumsOf(minibatch);
        foreach (AlignedBuffer sum in sums)
        {
            batch.Communicator.ReceiveSums(sum.Span);
        }

        for (int slice = batch.FirstSlice; slice < batch.EndSlice && batch.SliceStart(slice) < read; slice++)
        {
            AddToStatistic(minibatch, new ExampleRange(batch.SliceStart(slice), Math.Min(batch.SliceStart(slice + 1), read)));
        }

        foreach (AlignedBuffer sum in sums)
        {
            batch.Communicator.PassSums(sum.Span);
        }

        foreach (AlignedBuffer sum in sums)
        {
            batch.Communicator.ShareSums(sum.Span);
        }
    }

    private void Join(ParameterSpans vector)
    {
        vector.Weights.CopyTo(Vector.Span);
        vector.Bias.CopyTo(Vector.Span[vector.Weights.Length..]);
    }

    private void Split(ParameterSpans result)
    {
        Vector.Span[..result.Weights.Length].CopyTo(result.Weights);
        Vector.Span[result.Weights.Length..].CopyTo(result.Bias);
    }

    /// <summary>Rows to take in, and the memory to do it.</summary>
    /// <param name="Rows">The rows.</param>
    /// <param name="Chunk">Memory for some of them.</param>
    /// <param name="IsFirstSource">False where other gradients come for inputs that were there before.</param>
    private protected readonly record struct Minibatch(LayerRows Rows, RowChunk Chunk, bool IsFirstSource);
}
