using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Memory;
using Kfac.Parallel;

namespace Kfac.Curvature;

/// <summary>
/// The two covariances of a layer, averaged over examples and locations: A = (1/NT) sum p pᵀ [P, P] of its patches and
/// G = (1/NT) sum ds dsᵀ [K, K] of the gradients at its outputs. T·A ⊗ G approximates its Fisher
/// (Martens and Grosse 2015; Grosse and Martens 2016).
/// </summary>
internal sealed unsafe class KroneckerFactors
{
    private readonly Workers _workers;
    private readonly Chunks _chunks;
    private readonly AlignedBuffer _inputStatistic;
    private readonly AlignedBuffer _gradientStatistic;
    private BatchProduct? _inputProduct, _gradientProduct;
    private AlignedBuffer[]? _inputAndGradientSums, _gradientSums;
    private int _plannedRows;
    private long _examples;
    private long _locations;
    private float _locationsPerExample = 1;

    public KroneckerFactors(int patchLength, int outputs, LayerCollection layers)
    {
        (PatchLength, Outputs) = (patchLength, outputs);
        _workers = layers.Workers;
        Inputs = FisherFactor.Matrix(patchLength, layers);
        Gradients = FisherFactor.Matrix(outputs, layers);
        _inputStatistic = new AlignedBuffer(checked(patchLength * patchLength));
        _gradientStatistic = new AlignedBuffer(checked(outputs * outputs));
        _chunks = new Chunks(layers.Workers, Math.Max(_inputStatistic.Length, _gradientStatistic.Length));
    }

    /// <summary>P.</summary>
    public int PatchLength { get; }

    /// <summary>K.</summary>
    public int Outputs { get; }

    /// <summary>A.</summary>
    public FisherFactor Inputs { get; }

    /// <summary>G.</summary>
    public FisherFactor Gradients { get; }

    /// <summary>T: locations of an example, on average over the last statistic.</summary>
    public float Locations => _locationsPerExample;

    /// <summary>What it costs to decompose both, in the order of multiply-adds.</summary>
    public double DecompositionCost => Math.Pow(PatchLength, 3) + Math.Pow(Outputs, 3);

    /// <summary>Copies T out to <paramref name="state"/>, or back from it; the averages are the collection's.</summary>
    public void CaptureOrRestore(StateDictionary state, string name)
    {
        state.CaptureOrRestore($"{name}.locations", ref _locationsPerExample);
        state.RequirePossible(Inputs.HasValue == Gradients.HasValue && _locationsPerExample >= 0);
    }

    /// <summary>Begins a statistic.</summary>
    public void Begin()
    {
        _inputStatistic.Span.Clear();
        _gradientStatistic.Span.Clear();
        _examples = _locations = 0;
    }

    /// <summary>What <see cref="Add"/> adds to.</summary>
    public AlignedBuffer[] SumsOf(RowChunk chunk, bool patches) =>
        patches ? _inputAndGradientSums ??= [chunk.Covariance?.Sums ?? _inputStatistic, _gradientStatistic] : _gradientSums ??= [_gradientStatistic];

    /// <summary>Adds some examples' patches, unless this is a further source of the same ones, and gradients.</summary>
    public void Add(LayerRows rows, RowChunk chunk, ExampleRange examples, bool patches)
    {
        bool copiesPatches = patches && chunk.Covariance is null;
        if (chunk.MaxRows > _plannedRows)
        {
            (_plannedRows, _inputProduct, _gradientProduct) = (chunk.MaxRows, null, null);
        }

        for (int first = examples.First; first < examples.End;)
        {
            int loaded = chunk.Load(first, examples.End, copiesPatches, gradients: true);
            int count = loaded * rows.Locations;
            if (copiesPatches)
            {
                _inputProduct ??= LowerHalf(PatchLength);
                _inputProduct.Run(_workers, PatchLength, count, chunk.Patches, PatchLength, chunk.Patches, PatchLength, _inputStatistic.Pointer, PatchLength, accumulate: true);
            }

            _gradientProduct ??= LowerHalf(Outputs);
            _gradientProduct.Run(_workers, Outputs, count, chunk.Gradients, Outputs, chunk.Gradients, Outputs, _gradientStatistic.Pointer, Outputs, accumulate: true);
            first += loaded;
        }

        if (patches)
        {
            chunk.Covariance?.Add(examples);
        }
    }

    /// <summary>Comes after a minibatch of <paramref name="examples"/> examples, which came by themselves or in ranges.</summary>
    public void EndMinibatch(LayerRows rows, RowChunk chunk, int examples, bool patches)
    {
        if (patches)
        {
            chunk.Covariance?.MoveTo(_inputStatistic, examples);
            _examples += examples;
            _locations += (long)examples * rows.Locations;
        }
    }

    /// <summary>Takes the statistic into the running averages.</summary>
    /// <returns>False where it, or the product of its parts, was not finite (and so small that its square is), and so was left out.</returns>
    public bool End()
    {
        Mirror(_inputStatistic, PatchLength);
        Mirror(_gradientStatistic, Outputs);
        _chunks.Scale(_inputStatistic.Span, 1f / _locations);
        _chunks.Scale(_gradientStatistic.Span, 1f / _locations);
        double product = Trace(_inputStatistic.Span, PatchLength) * Trace(_gradientStatistic.Span, Outputs) * _locations / _examples;
        if (!_chunks.IsFinite(_inputStatistic.Span) || !_chunks.IsFinite(_gradientStatistic.Span) || !float.IsFinite((float)(product * product)))
        {
            return false;
        }

        Inputs.Update(_inputStatistic.Span, []);
        Gradients.Update(_gradientStatistic.Span, []);
        _locationsPerExample = (float)_locations / _examples;
        return true;
    }

    /// <summary>Mean eigenvalue of T·A ⊗ G.</summary>
    public double MeanEigenvalue => Locations * MeanDiagonal(Inputs, PatchLength) * MeanDiagonal(Gradients, Outputs);

    /// <summary>
    /// What is added to the diagonals of A and G so that T (A + a I) ⊗ (G + g I) is T A ⊗ G + λI and a little more:
    /// a = π √(λ/T), g = √(λ/T) / π, with π² the ratio of the factors' mean eigenvalues, 1 where one of them is 0.
    /// </summary>
    public (double Inputs, double Gradients) Damping(double damping)
    {
        double a = MeanDiagonal(Inputs, PatchLength), g = MeanDiagonal(Gradients, Outputs);
        double pi = a > 0 && g > 0 ? Math.Sqrt(a / g) : 1, root = Math.Sqrt(damping / Locations);
        return (pi * root, root / pi);
    }

    private static double MeanDiagonal(FisherFactor factor, int size) => Trace(factor.Sum, size) / size / factor.Weight;

    /// <summary>Copies what lies below the diagonal above it.</summary>
    private static void Mirror(AlignedBuffer matrix, int size)
    {
        for (int row = 0; row < size; row++)
        {
            for (int column = row + 1; column < size; column++)
            {
                matrix.Pointer[row * size + column] = matrix.Pointer[column * size + row];
            }
        }
    }

    private static double Trace(ReadOnlySpan<float> matrix, int size)
    {
        double trace = 0;
        for (int i = 0; i < size; i++)
        {
            trace += matrix[i * (size + 1)];
        }

        return trace;
    }

    /// <summary>The product of rows [rows, size] with themselves, whose lower half is a covariance's.</summary>
    private BatchProduct LowerHalf(int size) => new(new MatrixProduct(size, size, _plannedRows, transposeA: true, lowerOnly: true));
}
