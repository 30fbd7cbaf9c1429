using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Curvature;

/// <summary>moments [P, K] += sum over examples of (Q_Aᵀ g_n Q_G)², each example's gradient g_n summed over its locations first.</summary>
internal sealed unsafe class RotatedExamples
{
    /// <summary>Examples whose gradients are rotated together.</summary>
    private const int ChunkExamples = 8;

    private readonly int _p, _k;
    private readonly Workers _workers;
    private readonly AlignedBuffer _gradients;
    private readonly AlignedBuffer _rotated;
    private readonly BatchProduct _left;
    private readonly BatchProduct _right;
    private readonly WorkerAction _addRow;
    private AlignedBuffer _moments = null!;

    public RotatedExamples(KroneckerFactors factors, Workers workers)
    {
        (_p, _k, _workers) = (factors.PatchLength, factors.Outputs, workers);
        int columns = ChunkExamples * _k;
        _gradients = new AlignedBuffer(checked(_p * columns));
        _rotated = new AlignedBuffer(_p * columns);
        _left = new BatchProduct(new MatrixProduct(_p, columns, _p, transposeA: true));
        _right = new BatchProduct(new MatrixProduct(_p * ChunkExamples, _k, _k));
        _addRow = AddRow;
    }

    public void Add(RowChunk chunk, ExampleRange examples, AlignedBuffer inputBasis, AlignedBuffer gradientBasis, AlignedBuffer moments)
    {
        _moments = moments;
        int columns = ChunkExamples * _k;
        for (int first = examples.First; first < examples.End; first += ChunkExamples)
        {
            if (examples.End - first < ChunkExamples)
            {
                _gradients.Span.Clear();
            }

            for (int e = 0; e < Math.Min(ChunkExamples, examples.End - first); e++)
            {
                chunk.WriteExampleGradient(first + e, _gradients.Pointer + e * _k, columns);
            }

            _left.Run(_workers, _p, _p, inputBasis.Pointer, _p, _gradients.Pointer, columns, _rotated.Pointer, columns);
            _right.Run(_workers, _p * ChunkExamples, _k, _rotated.Pointer, _k, gradientBasis.Pointer, _k, _gradients.Pointer, _k);
            _workers.Run(_p, _addRow);
        }
    }

    private void AddRow(int row, int worker)
    {
        Span<float> moments = _moments.Span.Slice(row * _k, _k);
        for (int e = 0; e < ChunkExamples; e++)
        {
            ReadOnlySpan<float> gradient = _gradients.Span.Slice((row * ChunkExamples + e) * _k, _k);
            TensorPrimitives.MultiplyAdd(gradient, gradient, moments, moments);
        }
    }
}

/// <summary>The same where an example has one location: (Q_Aᵀ p dsᵀ Q_G)² is the product of two squared, rotated vectors.</summary>
internal sealed unsafe class RotatedRows
{
    private readonly int _p, _k;
    private readonly Workers _workers;
    private readonly AlignedBuffer _patches;
    private readonly AlignedBuffer _gradients;
    private readonly BatchProduct _rotatePatches;
    private readonly BatchProduct _rotateGradients;
    private readonly BatchProduct _squares;

    public RotatedRows(KroneckerFactors factors, Workers workers, int maxRows)
    {
        (_p, _k, _workers, MaxRows) = (factors.PatchLength, factors.Outputs, workers, maxRows);
        _patches = new AlignedBuffer(checked(maxRows * _p));
        _gradients = new AlignedBuffer(maxRows * _k);
        _rotatePatches = new BatchProduct(new MatrixProduct(maxRows, _p, _p));
        _rotateGradients = new BatchProduct(new MatrixProduct(maxRows, _k, _k));
        _squares = new BatchProduct(new MatrixProduct(_p, _k, maxRows, transposeA: true, squareA: true, squareB: true));
    }

    /// <summary>Most rows at a time.</summary>
    public int MaxRows { get; }

    public void Add(RowChunk chunk, ExampleRange examples, AlignedBuffer inputBasis, AlignedBuffer gradientBasis, AlignedBuffer moments)
    {
        for (int first = examples.First; first < examples.End;)
        {
            int rows = chunk.Load(first, examples.End, patches: true, gradients: true);
            _rotatePatches.Run(_workers, rows, _p, chunk.Patches, _p, inputBasis.Pointer, _p, _patches.Pointer, _p);
            _rotateGradients.Run(_workers, rows, _k, chunk.Gradients, _k, gradientBasis.Pointer, _k, _gradients.Pointer, _k);
            _squares.Run(_workers, _p, rows, _patches.Pointer, _p, _gradients.Pointer, _k, moments.Pointer, _k, accumulate: true);
            first += rows;
        }
    }
}
