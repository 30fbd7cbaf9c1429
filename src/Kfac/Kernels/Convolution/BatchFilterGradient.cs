namespace Kfac.Kernels;

/// <summary>
/// The sums of <see cref="FilterGradient"/> over a batch, gradients and squares: a unit takes some positions of the patch, whose
/// sums stay in the cache while all examples go by.
/// </summary>
internal sealed unsafe class BatchFilterGradient : IBatchFilterGradient
{
    /// <summary>Of the gradients of a unit, and of its squares: a panel of both fits the first-level cache beside an example's pixels.</summary>
    private const int FloatsOfUnit = 24 * 1024;

    /// <summary>Examples that go by for one panel before they do for the next.</summary>
    private const int ChunkSize = 16;

    private readonly LaneKernels _lanes;
    private readonly ConvolutionGeometry _g;
    private readonly FilterGradient _sums;
    private readonly EvenSplit _units;

    public BatchFilterGradient(LaneKernels lanes, ConvolutionGeometry geometry)
    {
        (_lanes, _g) = (lanes, geometry);
        _sums = new FilterGradient(lanes, geometry);
        _units = EvenSplit.AtMost(_sums.ChunkCount, Math.Max(FloatsOfUnit / (_g.K * lanes.TileRows), 1));
        PartWithBias = Enumerable.Range(0, Parts).Last(part => _units.Start(part) <= _sums.ChunkWithBias);
    }

    public int ScratchLength(int examples) => _units.Chunks * _sums.ScratchLength;

    public int Phases(int examples) => 1;

    public int Parts => _units.Chunks;

    public int PartWithBias { get; }

    public int Blocks => 1;

    public int StartOf(int part) => _sums.PositionOf(_units.Start(part)) * _g.K;

    public Range ChannelsOf(Range parts) => parts.Start.Equals(parts.End) ? default : .._g.C;

    public int Units(int phase, int examples, Range parts) => parts.End.Value - parts.Start.Value;

    public void Run(int phase, int unit, Range parts, ImageBatch x, ImageBatch dy, FilterGradientTarget means, float* scratch)
    {
        unit += parts.Start.Value;
        int chunk = _units.Start(unit), end = chunk + _units.Size(unit);
        FilterGradientTarget biases = chunk <= _sums.ChunkWithBias && _sums.ChunkWithBias < end ? means : default;
        nint from = (nint)_sums.PositionOf(chunk) * _g.K;
        int length = (int)(((nint)_sums.PositionOf(end) * _g.K) - from);
        Scale(means.Gradient, from, length, 0);
        Scale(means.Squares, from, length, 0);
        Scale(biases.BiasGradient, 0, _g.K, 0);
        Scale(biases.BiasSquares, 0, _g.K, 0);
        ImageBatch patches = _g.FirstPatch(x);
        for (int first = 0; first < x.Count; first += ChunkSize)
            for (int panel = 0; panel < _sums.PanelCount; panel++)
                for (int n = first; n < Math.Min(first + ChunkSize, x.Count); n++)
                    _sums.Run(patches[n], dy[n], means, scratch + (unit * _sums.ScratchLength), null, panel, panel + 1, chunk, end);
        Scale(means.Gradient, from, length, 1f / x.Count);
        Scale(means.Squares, from, length, 1f / x.Count);
        Scale(biases.BiasGradient, 0, _g.K, 1f / x.Count);
        Scale(biases.BiasSquares, 0, _g.K, 1f / x.Count);
    }

    private void Scale(float* sums, nint from, int length, float factor)
    {
        if (sums != null)
            _lanes.Scale(sums + from, length, factor);
    }
}
