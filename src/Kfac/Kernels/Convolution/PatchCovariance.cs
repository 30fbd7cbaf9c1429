using System.Numerics.Tensors;

namespace Kfac.Kernels;

/// <summary>
/// sum over locations of p pᵀ of a convolution's patches p, without the patches. Where the filter moves a pixel at a time, the
/// block of two of its taps is the sum of x[u, v] x[u + i, v + j]ᵀ over a window of pixels (u, v): (i, j) is how far apart the taps
/// are, and where they are in the filter matters at the window's borders only. So the pixels are cut into parts that lie in the
/// windows of some taps altogether and of the others not at all, and each part is summed once. With 3 x 3 taps 29 blocks are
/// summed, 16 of them over edges and corners, instead of the 45 of the covariance's lower half.
/// </summary>
/// <remarks>First all of <see cref="SumPart"/>, then, after a barrier, all of <see cref="AddTap"/>: each is one unit on one thread.</remarks>
internal sealed unsafe class PatchCovariance
{
    private readonly ConvolutionGeometry _g;
    private readonly bool _hasBias;
    private readonly int _patchLength;
    private readonly LaneKernels _lanes;
    private readonly Panel[] _panels;

    /// <summary>The channels of the second tap in tiles.</summary>
    private readonly EvenSplit _chunks;

    /// <summary>[panel, chunk], and [panel] of the first chunk with a row of ones.</summary>
    private readonly delegate*<TileArguments*, void>[] _tiles, _tilesAndOnes;

    private readonly Part[] _parts;

    /// <param name="geometry">One that it <see cref="Suits"/>.</param>
    /// <param name="hasBias">Whether patches end with a 1.</param>
    /// <param name="isa">Forces an instruction set; null takes <see cref="InstructionSets.Current"/>.</param>
    public PatchCovariance(ConvolutionGeometry geometry, bool hasBias, InstructionSet? isa = null)
    {
        (_g, _hasBias, _patchLength) = (geometry, hasBias, geometry.PatchLength + (hasBias ? 1 : 0));
        _lanes = LaneKernels.For(isa ?? InstructionSets.Current);
        _panels = Panel.Split(_g.C, _lanes.Width);
        _chunks = EvenSplit.AtMost(_g.C, _lanes.TileRows);
        _tiles = new delegate*<TileArguments*, void>[_panels.Length * _chunks.Chunks];
        _tilesAndOnes = new delegate*<TileArguments*, void>[_panels.Length];
        for (int p = 0; p < _panels.Length; p++)
        {
            _tilesAndOnes[p] = _lanes.Tile<Accumulate>(_chunks.Size(0), _panels[p], andOnes: true);
            for (int chunk = 0; chunk < _chunks.Chunks; chunk++)
                _tiles[(p * _chunks.Chunks) + chunk] = _lanes.Tile<Accumulate>(_chunks.Size(chunk), _panels[p]);
        }
        _parts =
        [
            .. from down in Enumerable.Range(0, _g.R)
               from along in Enumerable.Range(1 - _g.S, (2 * _g.S) - 1)
               where down > 0 || along >= 0
               from rows in Band.Of(_g.R, down, _g.PadTop, _g.OutH, _g.H)
               from columns in Band.Of(_g.S, along, _g.PadLeft, _g.OutW, _g.W)
               select new Part(down, along, rows, columns),
        ];
    }

    /// <summary>Units of <see cref="SumPart"/>.</summary>
    public int Parts => _parts.Length;

    /// <summary>Units of <see cref="AddTap"/>: the filter's taps, and the bias.</summary>
    public int Taps => (_g.R * _g.S) + (_hasBias ? 1 : 0);

    /// <summary>Floats of the parts' sums.</summary>
    public int SumsLength => checked(_parts.Length * PartLength);

    /// <summary>[C + 1, C]: channels of the second tap and of the first; then the sums of the pixels, if <see cref="SumsPixels"/>.</summary>
    private int PartLength => checked((_g.C + 1) * _g.C);

    /// <summary>Whether the filter moves a pixel at a time, over enough channels to fill a vector.</summary>
    /// <param name="geometry">The shape.</param>
    /// <param name="isa">The instruction set; null takes <see cref="InstructionSets.Current"/>.</param>
    public static bool Suits(ConvolutionGeometry geometry, InstructionSet? isa = null) =>
        geometry is { StrideY: 1, StrideX: 1, DilationY: 1, DilationX: 1, Groups: 1 } && geometry.C >= LaneKernels.For(isa ?? InstructionSets.Current).Width;

    /// <summary>Adds some examples to the sums of a part.</summary>
    /// <param name="index">Which part.</param>
    /// <param name="x">[H, W, C] of the first example; no padding is read.</param>
    /// <param name="xStep">Floats from an example to the next.</param>
    /// <param name="examples">How many.</param>
    /// <param name="sums">[SumsLength], the part's own added to</param>
    public void SumPart(int index, ImagePlane x, nint xStep, int examples, float* sums)
    {
        Part part = _parts[index];
        sums += (nint)index * PartLength;
        float* pixelSums = stackalloc float[2 * _lanes.Width];
        nint* channels = stackalloc nint[_lanes.TileRows];
        nint* rows = stackalloc nint[_lanes.TileRows];
        for (int i = 0; i < _chunks.Largest; i++)
            (channels[i], rows[i]) = (i, (nint)i * _g.C);

        nint start = (part.Rows.Start * x.RowStride) + (part.Columns.Start * _g.C), distance = (part.Down * x.RowStride) + (part.Along * _g.C);
        TileArguments t = new()
        {
            AStep = _g.C,
            AGroup = x.RowStride,
            AOffsets = channels,
            BStep = _g.C,
            BGroup = x.RowStride,
            COffsets = rows,
            Groups = part.Rows.End - part.Rows.Start,
            Length = part.Columns.End - part.Columns.Start,
            SumsOfB = pixelSums,
        };
        for (int example = 0; example < examples; example++)
        {
            float* first = x.Origin + (example * xStep) + start;
            for (int p = 0; p < _panels.Length; p++)
            {
                t.B = first + _panels[p].Start;
                t.Columns = _panels[p].Columns;
                for (int chunk = 0; chunk < _chunks.Chunks; chunk++)
                {
                    bool andOnes = chunk == 0 && SumsPixels(part);
                    int channel = _chunks.Start(chunk);
                    t.A = first + distance + channel;
                    t.C = sums + (channel * _g.C) + _panels[p].Start;
                    (andOnes ? _tilesAndOnes[p] : _tiles[(p * _chunks.Chunks) + chunk])(&t);
                    if (andOnes)
                        _lanes.AddWithSquares(pixelSums, sums + (_g.C * _g.C) + _panels[p].Start, null, _panels[p].Columns);
                }
            }
        }
    }

    /// <summary>Adds what the parts are for the rows of a tap, or, past the last tap, of the bias.</summary>
    /// <param name="tap">Which one.</param>
    /// <param name="examples">How many were summed.</param>
    /// <param name="sums">[SumsLength], of all parts</param>
    /// <param name="covariance">[P, P], added to; what lies above the diagonal is left in any state</param>
    public void AddTap(int tap, int examples, float* sums, float* covariance)
    {
        bool isBias = tap == _g.R * _g.S;
        (int r, int s) = Math.DivRem(tap, _g.S);
        float* rows = covariance + ((nint)tap * _g.C * _patchLength);
        for (int i = 0; i < _parts.Length; i++, sums += PartLength)
        {
            Part part = _parts[i];
            if (isBias && SumsPixels(part))
            {
                for (int tapRow = part.Rows.FirstTap; tapRow < part.Rows.EndTap; tapRow++)
                    for (int tapColumn = part.Columns.FirstTap; tapColumn < part.Columns.EndTap; tapColumn++)
                        Add(sums + (_g.C * _g.C), rows + (((tapRow * _g.S) + tapColumn) * _g.C));
            }
            else if (!isBias && part.Rows.Holds(r - part.Down) && part.Columns.Holds(s - part.Along))
            {
                float* to = rows + ((((r - part.Down) * _g.S) + s - part.Along) * _g.C);
                for (int channel = 0; channel < _g.C; channel++)
                    Add(sums + (channel * _g.C), to + ((nint)channel * _patchLength));
            }
        }
        if (isBias)
            rows[_patchLength - 1] += (float)examples * _g.Locations;
    }

    private bool SumsPixels(Part part) => _hasBias && part is { Down: 0, Along: 0 };

    /// <summary>to += sums, for the channels.</summary>
    private void Add(float* sums, float* to)
    {
        var target = new Span<float>(to, _g.C);
        TensorPrimitives.Add(target, new ReadOnlySpan<float>(sums, _g.C), target);
    }

    /// <summary>Pixels of the first of two taps.</summary>
    /// <param name="Down">Rows from the first tap to the second, 0 or more.</param>
    /// <param name="Along">Columns from the first tap to the second; 0 or more where <paramref name="Down"/> is 0.</param>
    /// <param name="Rows">The rows.</param>
    /// <param name="Columns">The columns.</param>
    private readonly record struct Part(int Down, int Along, Band Rows, Band Columns);

    /// <summary>Rows, or columns, from <paramref name="Start"/> to before <paramref name="End"/>, that those taps see from <paramref name="FirstTap"/> to before <paramref name="EndTap"/>, and no others.</summary>
    private readonly record struct Band(int Start, int End, int FirstTap, int EndTap)
    {
        /// <summary>The bands, for taps that have another one at a distance and pixels whose other one is in the image too.</summary>
        public static IEnumerable<Band> Of(int taps, int distance, int pad, int outputs, int size)
        {
            int firstTap = Math.Max(0, -distance), endTap = taps - Math.Max(0, distance);
            (int Start, int End)[] windows =
            [
                .. from tap in Enumerable.Range(firstTap, endTap - firstTap)
                   select (Math.Max(tap - pad, Math.Max(0, -distance)), Math.Min(tap - pad + outputs, size - Math.Max(0, distance))),
            ];
            int[] cuts = [.. windows.SelectMany(window => new[] { window.Start, window.End }).Distinct().Order()];
            return from pair in cuts.Zip(cuts.Skip(1))
                   let sees = windows.Select((window, i) => (Does: window.Start <= pair.First && window.End >= pair.Second, Tap: firstTap + i)).Where(tap => tap.Does).ToArray()
                   where sees.Length > 0
                   select new Band(pair.First, pair.Second, sees[0].Tap, sees[^1].Tap + 1);
        }

        public bool Holds(int tap) => tap >= FirstTap && tap < EndTap;
    }
}
