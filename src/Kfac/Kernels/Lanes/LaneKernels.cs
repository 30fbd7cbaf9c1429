using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Kfac.Kernels;

/// <summary>Every kernel of one instruction set, chosen once where a plan is made.</summary>
internal abstract unsafe partial class LaneKernels
{
    /// <summary>Floats of a vector.</summary>
    public abstract int Width { get; }

    /// <summary>Rows of the largest micro-tile.</summary>
    public abstract int TileRows { get; }

    /// <summary>Floats of the vectors that hold so many.</summary>
    public int RoundUp(int floats) => (floats + Width - 1) / Width * Width;

    public static LaneKernels For(InstructionSet isa) => isa switch
    {
        InstructionSet.Avx512 => LaneKernels<Avx512Lanes, System.Runtime.Intrinsics.Vector512<float>>.Instance,
        InstructionSet.Avx2 => LaneKernels<Avx2Lanes, System.Runtime.Intrinsics.Vector256<float>>.Instance,
        InstructionSet.Vector128 => LaneKernels<Vector128Lanes, System.Runtime.Intrinsics.Vector128<float>>.Instance,
        _ => LaneKernels<ScalarLanes, float>.Instance,
    };

    /// <summary>A micro-tile.</summary>
    /// <param name="rows">1 to 7.</param>
    /// <param name="panel">Its columns.</param>
    /// <param name="andOnes">Whether there is a row of ones as well.</param>
    /// <param name="tapered">Whether the rows are those of <see cref="FiveTapsWithoutPadding"/>.</param>
    public abstract delegate*<TileArguments*, void> Tile<TEpilogue>(int rows, Panel panel, bool andOnes = false, bool tapered = false)
        where TEpilogue : struct, ITileEpilogue;

    /// <summary>packed[k, j] = f(from[j * column + k * term]) for j below columns, and 0 from there to width; f squares, if wanted.</summary>
    /// <param name="from">Column 0, term 0.</param>
    /// <param name="column">Floats from a column to the next.</param>
    /// <param name="term">Floats from a term to the next.</param>
    /// <param name="columns">Columns there are.</param>
    /// <param name="terms">Terms.</param>
    /// <param name="width">Columns of packed, less than a vector more.</param>
    /// <param name="square">Whether to square.</param>
    /// <param name="packed">[terms, width], overwritten</param>
    public abstract void Pack(float* from, nint column, nint term, int columns, int terms, int width, bool square, float* packed);

    /// <summary>sums[k] = sum over i, j of map[i, j, k]</summary>
    /// <param name="map">[rows, columns, channels]</param>
    /// <param name="rows">Rows of the map.</param>
    /// <param name="columns">Columns of the map.</param>
    /// <param name="channels">Channels of the map.</param>
    /// <param name="sums">[channels], overwritten</param>
    public abstract void SumPixels(ImagePlane map, int rows, int columns, int channels, float* sums);
}

/// <inheritdoc/>
internal sealed unsafe partial class LaneKernels<TLanes, TVector> : LaneKernels
    where TLanes : struct, ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Terms and columns that are transposed at a time, and terms of all columns, which stay in the cache meanwhile.</summary>
    private const int TransposedTerms = 4, TransposedColumns = 8, TermsInCache = 64;

    public static LaneKernels<TLanes, TVector> Instance { get; } = new();

    public override int Width => TLanes.Width;

    public override int TileRows => TLanes.TileRows;

    public override delegate*<TileArguments*, void> Tile<TEpilogue>(int rows, Panel panel, bool andOnes = false, bool tapered = false) =>
        panel.Width == 2 * TLanes.Width ? Tile<TwoVectors, TEpilogue>(rows, andOnes, tapered)
        : panel.Columns == TLanes.Width ? Tile<OneVector, TEpilogue>(rows, andOnes, tapered)
        : Tile<PartialVector, TEpilogue>(rows, andOnes, tapered);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Pack(float* from, nint column, nint term, int columns, int terms, int width, bool square, float* packed)
    {
        bool transposes = Avx.IsSupported && term == 1 && column != 1;
        int blockTerms = transposes ? terms / TransposedTerms * TransposedTerms : 0;
        int blockColumns = transposes ? columns / TransposedColumns * TransposedColumns : 0;
        for (int k = 0; k < blockTerms; k += TermsInCache)
            for (int j = 0; j < blockColumns; j += TransposedColumns)
                Transpose(from + k + (j * column), column, Math.Min(TermsInCache, blockTerms - k), square, packed + ((nint)k * width) + j, width);
        int first = blockColumns == width ? blockTerms : 0;
        from += first * term;
        packed += (nint)first * width;

        // What a whole vector has too much of lies in the places of the terms to come.
        nint tooMuch = TLanes.Width - (columns % TLanes.Width), step = Math.Min(term, width);
        nint wholeTerms = terms - ((tooMuch + step - 1) / step);
        for (int k = first; k < terms; k++, from += term, packed += width)
        {
            int j = k < blockTerms ? blockColumns : 0;
            for (; column == 1 && j <= columns - TLanes.Width; j += TLanes.Width)
            {
                TVector v = TLanes.Load(from + j);
                TLanes.Store(packed + j, square ? TLanes.Multiply(v, v) : v);
            }
            if (column == 1 && j < columns)
            {
                bool whole = k < wholeTerms;
                TVector v = whole ? TLanes.Load(from + j) : TLanes.LoadFirst(from + j, columns - j);
                v = square ? TLanes.Multiply(v, v) : v;
                if (whole)
                    TLanes.Store(packed + j, v);
                else
                    TLanes.StoreFirst(packed + j, v, columns - j);
                j = columns;
            }
            for (float* p = from + (j * column); j < columns; j++, p += column)
                packed[j] = square ? *p * *p : *p;
            for (; j < width; j++)
                packed[j] = 0f;
        }
    }

    /// <summary>Eight columns, each column's terms one behind the other, four terms at a time: four by four in either half of the vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* from, nint column, int terms, bool square, float* to, nint width)
    {
        for (float* end = from + terms; from != end; from += TransposedTerms, to += TransposedTerms * width)
        {
            Vector256<float> a = TwoColumns(from, 4 * column), b = TwoColumns(from + column, 4 * column);
            Vector256<float> c = TwoColumns(from + (2 * column), 4 * column), d = TwoColumns(from + (3 * column), 4 * column);
            if (square)
                (a, b, c, d) = (a * a, b * b, c * c, d * d);
            Vector256<double> firstAB = Avx.UnpackLow(a, b).AsDouble(), firstCD = Avx.UnpackLow(c, d).AsDouble();
            Vector256<double> lastAB = Avx.UnpackHigh(a, b).AsDouble(), lastCD = Avx.UnpackHigh(c, d).AsDouble();
            Avx.UnpackLow(firstAB, firstCD).AsSingle().Store(to);
            Avx.UnpackHigh(firstAB, firstCD).AsSingle().Store(to + width);
            Avx.UnpackLow(lastAB, lastCD).AsSingle().Store(to + (2 * width));
            Avx.UnpackHigh(lastAB, lastCD).AsSingle().Store(to + (3 * width));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> TwoColumns(float* from, nint apart) => Vector256.Create(Vector128.Load(from), Vector128.Load(from + apart));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void SumPixels(ImagePlane map, int rows, int columns, int channels, float* sums)
    {
        int k = 0;
        for (; k <= channels - (2 * TLanes.Width); k += 2 * TLanes.Width)
            SumPixels<TwoVectors>(map, rows, columns, channels, k, sums);
        for (; k <= channels - TLanes.Width; k += TLanes.Width)
            SumPixels<OneVector>(map, rows, columns, channels, k, sums);
        for (; k < channels; k++)
        {
            float sum = 0f;
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < columns; j++)
                    sum += map.Origin[(i * map.RowStride) + ((nint)j * channels) + k];
            sums[k] = sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumPixels<TColumns>(ImagePlane map, int rows, int columns, int channels, int k, float* sums)
        where TColumns : struct, IColumns
    {
        TVector p0 = default, p1 = default, q0 = default, q1 = default, r0 = default, r1 = default, s0 = default, s1 = default;
        for (int i = 0; i < rows; i++)
        {
            float* p = map.Origin + (i * map.RowStride) + k;
            int j = 0;
            for (; j < columns - 3; j += 4, p += 4 * (nint)channels)
            {
                AddPixel<TColumns>(p, ref p0, ref p1);
                AddPixel<TColumns>(p + channels, ref q0, ref q1);
                AddPixel<TColumns>(p + (2 * (nint)channels), ref r0, ref r1);
                AddPixel<TColumns>(p + (3 * (nint)channels), ref s0, ref s1);
            }
            for (; j < columns; j++, p += channels)
                AddPixel<TColumns>(p, ref p0, ref p1);
        }
        TLanes.Store(sums + k, TLanes.Add(TLanes.Add(p0, q0), TLanes.Add(r0, s0)));
        if (TColumns.Vectors > 1)
            TLanes.Store(sums + k + TLanes.Width, TLanes.Add(TLanes.Add(p1, q1), TLanes.Add(r1, s1)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddPixel<TColumns>(float* pixel, ref TVector sum0, ref TVector sum1)
        where TColumns : struct, IColumns
    {
        sum0 = TLanes.Add(sum0, TLanes.Load(pixel));
        if (TColumns.Vectors > 1)
            sum1 = TLanes.Add(sum1, TLanes.Load(pixel + TLanes.Width));
    }

    private static delegate*<TileArguments*, void> Tile<TColumns, TEpilogue>(int rows, bool andOnes, bool tapered)
        where TColumns : struct, IColumns
        where TEpilogue : struct, ITileEpilogue => rows switch
        {
            1 => Tile<Rows1, TColumns, TEpilogue>(andOnes),
            2 => Tile<Rows2, TColumns, TEpilogue>(andOnes),
            3 => Tile<Rows3, TColumns, TEpilogue>(andOnes),
            4 => Tile<Rows4, TColumns, TEpilogue>(andOnes),
            5 when tapered => Tile<FiveTapsWithoutPadding, TColumns, TEpilogue>(andOnes),
            5 => Tile<Rows5, TColumns, TEpilogue>(andOnes),
            6 => Tile<Rows6, TColumns, TEpilogue>(andOnes),
            7 => Tile<Rows7, TColumns, TEpilogue>(andOnes),
            _ => throw new ArgumentOutOfRangeException(nameof(rows), rows, "1 to 7"),
        };

    private static delegate*<TileArguments*, void> Tile<TRows, TColumns, TEpilogue>(bool andOnes)
        where TRows : struct, IRows
        where TColumns : struct, IColumns
        where TEpilogue : struct, ITileEpilogue =>
        andOnes ? &MicroTile<TLanes, TVector, WithBiasRow<TRows>, TColumns, TEpilogue>.Run : &MicroTile<TLanes, TVector, TRows, TColumns, TEpilogue>.Run;
}
