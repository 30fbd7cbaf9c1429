using System.Numerics.Tensors;
using Kfac.Kernels;
using Kfac.Layers;
using Kfac.Parallel;

namespace Kfac.Fisher;

/// <summary>
/// sum over locations of p pᵀ of a convolution's patches p, without the patches. Where the filter moves a pixel at a time, the
/// block of two of its taps is the sum of x[u, v] x[u + i, v + j]ᵀ over a window of pixels (u, v): (i, j) is how far apart the taps
/// are, and where they are in the filter matters at the window's borders only. So the pixels are cut into parts that lie in the
/// windows of some taps altogether and of the others not at all, and each part is summed once. With 3 x 3 taps 29 blocks are
/// summed, 16 of them over edges and corners, instead of the 45 of the covariance's lower half.
/// </summary>
internal sealed unsafe class PatchCovariance
{
    private readonly ConvolutionGeometry _g;
    private readonly ActivationBuffer _inputs;
    private readonly bool _hasBias;
    private readonly int _patchLength;
    private readonly Workers _workers;
    private readonly LaneKernels _lanes;
    private readonly Panel[] _panels;

    /// <summary>The channels of the second tap in tiles.</summary>
    private readonly Split _pieces;

    /// <summary>[panel, piece], and [panel] of the first piece with a row of ones.</summary>
    private readonly delegate*<TileArguments*, void>[] _tiles, _tilesAndOnes;

    private readonly Part[] _parts;

    /// <summary>[part, C + 1, C]: channels of the second tap and of the first; then the sums of the pixels, if <see cref="SumsPixels"/>.</summary>
    private readonly AlignedBuffer _sums;

    private readonly WorkerAction _sumPart, _addTap;
    private float* _covariance;
    private int _examples;

    /// <param name="geometry">One that it <see cref="Suits"/>.</param>
    /// <param name="inputs">[N, H, W, C].</param>
    /// <param name="hasBias">Whether patches end with a 1.</param>
    /// <param name="workers">Who does the work.</param>
    public PatchCovariance(ConvolutionGeometry geometry, ActivationBuffer inputs, bool hasBias, Workers workers)
    {
        (_g, _inputs, _hasBias, _workers) = (geometry, inputs, hasBias, workers);
        _patchLength = _g.PatchLength + (hasBias ? 1 : 0);
        _lanes = LaneKernels.For(InstructionSets.Current);
        _panels = Panel.Split(_g.C, _lanes.Width);
        _pieces = Split.AtMost(_g.C, _lanes.TileRows);
        _tiles = new delegate*<TileArguments*, void>[_panels.Length * _pieces.Pieces];
        _tilesAndOnes = new delegate*<TileArguments*, void>[_panels.Length];
        for (int p = 0; p < _panels.Length; p++)
        {
            _tilesAndOnes[p] = _lanes.Tile<AddTo>(_pieces.Size(0), _panels[p], andOnes: true);
            for (int piece = 0; piece < _pieces.Pieces; piece++)
            {
                _tiles[p * _pieces.Pieces + piece] = _lanes.Tile<AddTo>(_pieces.Size(piece), _panels[p]);
            }
        }

        _parts =
        [
            .. from down in Enumerable.Range(0, _g.R)
               from along in Enumerable.Range(1 - _g.S, 2 * _g.S - 1)
               where down > 0 || along >= 0
               from rows in Band.Of(_g.R, down, _g.PadTop, _g.OutH, _g.H)
               from columns in Band.Of(_g.S, along, _g.PadLeft, _g.OutW, _g.W)
               select new Part(down, along, rows, columns),
        ];
        _sums = new AlignedBuffer(checked(_parts.Length * SumsLength));
        (_sumPart, _addTap) = (SumPart, AddTap);
    }

    private int SumsLength => (_g.C + 1) * _g.C;

    /// <summary>Whether the filter moves a pixel at a time, over enough channels to fill a vector.</summary>
    public static bool Suits(ConvolutionGeometry geometry) =>
        geometry is { StrideY: 1, StrideX: 1, DilationY: 1, DilationX: 1, Groups: 1 } && geometry.C >= LaneKernels.For(InstructionSets.Current).Width;

    /// <summary>Adds the first <paramref name="examples"/> examples' sum to <paramref name="covariance"/> [P, P]; what lies above the diagonal is left in any state.</summary>
    public void AddTo(AlignedBuffer covariance, int examples)
    {
        _covariance = covariance.Pointer;
        _examples = examples;
        _workers.Run(_parts.Length, _sumPart);
        _workers.Run(_g.R * _g.S + (_hasBias ? 1 : 0), _addTap);
    }

    private float* Sums(int part) => _sums.Pointer + (nint)part * SumsLength;

    private bool SumsPixels(Part part) => _hasBias && part is { Down: 0, Along: 0 };

    private void SumPart(int index, int worker)
    {
        Part part = _parts[index];
        float* sums = Sums(index);
        new Span<float>(sums, SumsLength).Clear();
        float* pixelSums = stackalloc float[2 * _lanes.Width];
        nint* channels = stackalloc nint[_lanes.TileRows];
        nint* rows = stackalloc nint[_lanes.TileRows];
        for (int i = 0; i < _pieces.Largest; i++)
        {
            (channels[i], rows[i]) = (i, (nint)i * _g.C);
        }

        nint rowStride = _inputs.RowStride;
        nint start = part.Rows.Start * rowStride + part.Columns.Start * _g.C, distance = part.Down * rowStride + part.Along * _g.C;
        TileArguments t = new()
        {
            AStep = _g.C,
            AGroup = rowStride,
            AOffsets = channels,
            BStep = _g.C,
            BGroup = rowStride,
            COffsets = rows,
            Groups = part.Rows.End - part.Rows.Start,
            Length = part.Columns.End - part.Columns.Start,
            SumsOfB = pixelSums,
        };
        for (int example = 0; example < _examples; example++)
        {
            float* first = _inputs[example].Origin + start;
            for (int p = 0; p < _panels.Length; p++)
            {
                t.B = first + _panels[p].Start;
                t.Columns = _panels[p].Columns;
                for (int piece = 0; piece < _pieces.Pieces; piece++)
                {
                    bool andOnes = piece == 0 && SumsPixels(part);
                    int channel = _pieces.Start(piece);
                    t.A = first + distance + channel;
                    t.C = sums + channel * _g.C + _panels[p].Start;
                    (andOnes ? _tilesAndOnes[p] : _tiles[p * _pieces.Pieces + piece])(&t);
                    if (andOnes)
                    {
                        _lanes.AddWithSquares(pixelSums, sums + _g.C * _g.C + _panels[p].Start, null, _panels[p].Columns);
                    }
                }
            }
        }
    }

    /// <summary>Adds the parts of the rows of a tap, or, of the one past the last, those of the bias.</summary>
    private void AddTap(int tap, int worker)
    {
        bool isBias = tap == _g.R * _g.S;
        (int r, int s) = Math.DivRem(tap, _g.S);
        float* rows = _covariance + (nint)tap * _g.C * _patchLength;
        for (int i = 0; i < _parts.Length; i++)
        {
            Part part = _parts[i];
            if (isBias && SumsPixels(part))
            {
                for (int tapRow = part.Rows.FirstTap; tapRow < part.Rows.EndTap; tapRow++)
                {
                    for (int tapColumn = part.Columns.FirstTap; tapColumn < part.Columns.EndTap; tapColumn++)
                    {
                        Add(Sums(i) + _g.C * _g.C, rows + (tapRow * _g.S + tapColumn) * _g.C);
                    }
                }
            }
            else if (!isBias && part.Rows.Holds(r - part.Down) && part.Columns.Holds(s - part.Along))
            {
                float* to = rows + ((r - part.Down) * _g.S + s - part.Along) * _g.C;
                for (int channel = 0; channel < _g.C; channel++)
                {
                    Add(Sums(i) + channel * _g.C, to + (nint)channel * _patchLength);
                }
            }
        }

        if (isBias)
        {
            rows[_patchLength - 1] += (float)_examples * _g.Locations;
        }
    }

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
