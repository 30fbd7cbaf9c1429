using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Curvature;

/// <summary>
/// Memory for the rows of a few examples at a time, patches [rows, P] and gradients [rows, K], and the products of them
/// that the blocks are made of.
/// </summary>
internal sealed unsafe class RowChunk
{
    /// <summary>Rows at a time: enough to feed the kernels, few enough to stay in the second-level cache.</summary>
    private const int WantedRows = 256;

    private readonly Workers _workers;
    private readonly LayerRows _rows;
    private readonly int _capacity;
    private readonly AlignedBuffer _gradients;
    private readonly WorkerAction _copyPatches;
    private readonly WorkerAction _copyGradients;
    private AlignedBuffer? _patches;
    private BatchCovariance? _covariance;
    private BatchProduct? _exampleGradient;
    private int _first;

    public RowChunk(LayerRows rows, Workers workers)
    {
        _rows = rows;
        _workers = workers;
        _capacity = Math.Clamp(WantedRows / rows.Locations, 1, rows.Capacity);
        MaxRows = _capacity * rows.Locations;
        _gradients = new AlignedBuffer((long)MaxRows * rows.Outputs);
        _copyPatches = (unit, _) =>
        {
            (int example, int mapRow) = Math.DivRem(unit, _rows.MapRows);
            _rows.CopyPatches(_first + example, mapRow, Patches + (nint)example * _rows.Locations * _rows.PatchLength);
        };
        _copyGradients = (unit, _) =>
        {
            (int example, int mapRow) = Math.DivRem(unit, _rows.MapRows);
            _rows.CopyGradients(_first + example, mapRow, _gradients.Pointer + (nint)example * _rows.Locations * _rows.Outputs);
        };
    }

    /// <summary>Most rows at a time.</summary>
    public int MaxRows { get; }

    /// <summary>Makes the memory for patches, or what does without them, before it is first used.</summary>
    public void Reserve() => _patches ??= Covariance is null ? NewPatches() : null;

    /// <inheritdoc cref="LayerRows.Covariance"/>
    public BatchCovariance? Covariance => _covariance ??= _rows.Covariance(_workers);

    /// <summary>Patches of the examples last loaded, [rows, P].</summary>
    public float* Patches => _patches!.Pointer;

    /// <summary>Their gradients, [rows, K].</summary>
    public float* Gradients => _gradients.Pointer;

    /// <summary>Loads the examples from <paramref name="first"/> on, as many as there is room for.</summary>
    /// <returns>How many.</returns>
    public int Load(int first, int examples, bool patches, bool gradients)
    {
        _first = first;
        int count = Math.Min(_capacity, examples - first);
        if (patches)
        {
            _patches ??= NewPatches();
            _workers.Run(count * _rows.MapRows, _copyPatches);
        }

        if (gradients)
        {
            _workers.Run(count * _rows.MapRows, _copyGradients);
        }

        return count;
    }

    private AlignedBuffer NewPatches() => new((long)MaxRows * _rows.PatchLength);

    /// <summary>gradient [P, K] = patchesᵀ · gradients of one example: summed over its locations.</summary>
    /// <param name="example">Which one.</param>
    /// <param name="gradient">Overwritten.</param>
    /// <param name="stride">Floats from a row of <paramref name="gradient"/> to the next.</param>
    public void WriteExampleGradient(int example, float* gradient, nint stride)
    {
        Load(example, example + 1, patches: true, gradients: true);
        _exampleGradient ??= new BatchProduct(new MatrixProduct(_rows.PatchLength, _rows.Outputs, _rows.Locations, transposeA: true));
        _exampleGradient.Run(_workers, new MatrixOperands
        {
            M = _rows.PatchLength,
            K = _rows.Locations,
            A = Patches,
            StrideA = _rows.PatchLength,
            B = Gradients,
            StrideB = _rows.Outputs,
            C = gradient,
            StrideC = stride,
        });
    }
}
