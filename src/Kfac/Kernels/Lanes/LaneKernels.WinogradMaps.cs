using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

/// <summary>
/// The transforms of maps. All that a tile of y goes through is written out, so that it stays in registers where there are
/// enough of them; which points and pixels a tile has is a type.
/// </summary>
internal sealed unsafe partial class LaneKernels<TLanes, TVector>
{
    /// <summary>Columns of x that are transformed before the tiles over them.</summary>
    private const int MaxColumns = 20;

    public override void WinogradInput(WinogradTiles tiles, PixelGrid x, Range wanted, int channels, float* v, nint slot)
    {
        int begin = wanted.Start.Value, end = wanted.End.Value, whole = end - ((end - begin) % TLanes.Width);
        for (int row = 0; row < tiles.Down; row++)
        {
            InputVectors<OneVector>(tiles, row, x, begin, whole, channels, v, slot);
            if (whole < end)
                InputVectors<PartialVector>(tiles, row, x, whole, end, channels, v, slot);
        }
    }

    public override void WinogradOutput(
        WinogradTiles tiles, float* m, nint slot, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate)
    {
        int whole = channels / TLanes.Width * TLanes.Width;
        if (tiles.Taps == 3)
            Output<OneVector, Taps3>(tiles, m, slot, 0, whole, channels, bias, floor, y, gate);
        else
            Output<OneVector, Taps5>(tiles, m, slot, 0, whole, channels, bias, floor, y, gate);
        if (whole == channels)
            return;
        if (tiles.Taps == 3)
            Output<PartialVector, Taps3>(tiles, m, slot, whole, channels, channels, bias, floor, y, gate);
        else
            Output<PartialVector, Taps5>(tiles, m, slot, whole, channels, channels, bias, floor, y, gate);
    }

    public override void WinogradOutputGradient(WinogradTiles tiles, PixelGrid dy, int channels, float* w, nint slot)
    {
        int whole = channels / TLanes.Width * TLanes.Width;
        if (tiles.Taps == 3)
            OutputGradient<OneVector, Taps3>(tiles, dy, 0, whole, channels, w, slot);
        else
            OutputGradient<OneVector, Taps5>(tiles, dy, 0, whole, channels, w, slot);
        if (whole == channels)
            return;
        if (tiles.Taps == 3)
            OutputGradient<PartialVector, Taps3>(tiles, dy, whole, channels, channels, w, slot);
        else
            OutputGradient<PartialVector, Taps5>(tiles, dy, whole, channels, channels, w, slot);
    }

    /// <summary>Channels from <paramref name="begin"/> to <paramref name="end"/>. Columns that neighbours share are multiplied by B^T once.</summary>
    [SkipLocalsInit]
    private static void InputVectors<TColumns>(
        WinogradTiles tiles, int row, PixelGrid x, int begin, int end, int channels, float* v, nint slot)
        where TColumns : struct, IColumns
    {
        TVector* tMemory = stackalloc TVector[(MaxColumns * Side) + 1], t = Align(tMemory);
        int step = tiles.Tile, most = ((MaxColumns - Side) / step) + 1, pointsDown = tiles.PointsDown(row);
        float* all = v + tiles.Place(row, 0, channels), wide = v + (NarrowSide * slot) + tiles.WidePlace(row, 0, channels);
        float* xTile = x.Origin + (row * step * x.Row);
        nint x1 = x.Row, x3 = 3 * x.Row, pixel = x.Pixel, slots = Side * slot;
        for (int first = 0; first < tiles.Across; first += most)
        {
            int count = Math.Min(tiles.Across - first, most), pointsOfLast = tiles.PointsAcross(first + count - 1);
            TVector* columnsEnd = t + (Side * (((count - 1) * step) + pointsOfLast));
            for (int c = begin; c < end; c += TLanes.Width)
            {
                int left = end - c;
                float* p = xTile + c;
                for (TVector* to = t; to < columnsEnd; to += Side, p += pixel)
                {
                    float* q = p + x3;
                    if (pointsDown == NarrowSide)
                        TransformNarrowInput(
                            LoadPart<TColumns>(p, left), LoadPart<TColumns>(p + x1, left), LoadPart<TColumns>(p + (2 * x1), left), LoadPart<TColumns>(q, left),
                            out to[0], out to[1], out to[2], out to[3]);
                    else
                        TransformInput(
                            LoadPart<TColumns>(p, left), LoadPart<TColumns>(p + x1, left), LoadPart<TColumns>(p + (2 * x1), left),
                            LoadPart<TColumns>(q, left), LoadPart<TColumns>(q + x1, left), LoadPart<TColumns>(q + (2 * x1), left),
                            out to[0], out to[1], out to[2], out to[3], out to[4], out to[5]);
                }
                TVector* tile = t;
                float* a = all + c, w = wide + c;
                for (int n = 1; n <= count; n++, tile += Side * step, a += channels, w += channels)
                {
                    TVector* pointsEnd = tile + pointsDown;
                    float* to = a, toWide = w;
                    if (n == count && pointsOfLast == NarrowSide)
                    {
                        for (TVector* d = tile; d < pointsEnd; d++, to += slots)
                        {
                            TransformNarrowInput(d[0], d[Side], d[2 * Side], d[3 * Side], out TVector v0, out TVector v1, out TVector v2, out TVector v3);
                            StoreSlots<TColumns>(to, slot, left, v0, v1, v2, v3);
                        }
                        continue;
                    }
                    for (TVector* d = tile; d < pointsEnd; d++, to += slots, toWide += slots)
                    {
                        TransformInput(d[0], d[Side], d[2 * Side], d[3 * Side], d[4 * Side], d[5 * Side],
                            out TVector v0, out TVector v1, out TVector v2, out TVector v3, out TVector v4, out TVector v5);
                        StoreSlots<TColumns>(to, slot, left, v0, v1, v2, v3);
                        StoreWideSlots<TColumns>(toWide, slot, left, v4, v5);
                    }
                }
            }
            all += count * channels;
            wide += count * channels;
            xTile += count * step * pixel;
        }
    }

    /// <summary>Channels from <paramref name="begin"/> to <paramref name="end"/>.</summary>
    private static void Output<TColumns, TTaps>(
        WinogradTiles tiles, float* m, nint slot, int begin, int end, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
    {
        if (gate.Origin == null)
            Output<TColumns, TTaps, Ungated>(tiles, m, slot, begin, end, channels, bias, floor, y, gate);
        else
            Output<TColumns, TTaps, Gated>(tiles, m, slot, begin, end, channels, bias, floor, y, gate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Output<TColumns, TTaps, TGate>(
        WinogradTiles tiles, float* m, nint slot, int begin, int end, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
        where TGate : struct, IGate
    {
        for (int row = 0; row < tiles.Down; row++)
            for (int tile = 0; tile < tiles.Across; tile++)
            {
                float* all = m + tiles.Place(row, tile, channels), wide = m + (NarrowSide * slot) + tiles.WidePlace(row, tile, channels);
                PixelGrid yTile = y.At(row * tiles.Tile, tile * tiles.Tile), gateTile = gate.At(row * tiles.Tile, tile * tiles.Tile);
                (int rows, int columns) = (tiles.RowsOf(row), tiles.ColumnsOf(tile));
                bool low = tiles.IsLow(row), narrow = tiles.IsNarrow(tile);
                if (TTaps.Count > 3 || !(low || narrow))
                    OutputTile<TColumns, TTaps, TGate, SixPoints, SixPoints>(all, wide, slot, begin, end, bias, floor, yTile, gateTile, rows, columns);
                else if (!narrow)
                    OutputTile<TColumns, TTaps, TGate, FourPoints, SixPoints>(all, wide, slot, begin, end, bias, floor, yTile, gateTile, rows, columns);
                else if (!low)
                    OutputTile<TColumns, TTaps, TGate, SixPoints, FourPoints>(all, wide, slot, begin, end, bias, floor, yTile, gateTile, rows, columns);
                else
                    OutputTile<TColumns, TTaps, TGate, FourPoints, FourPoints>(all, wide, slot, begin, end, bias, floor, yTile, gateTile, rows, columns);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OutputTile<TColumns, TTaps, TGate, TDown, TAcross>(
        float* all, float* wide, nint slot, int begin, int end, float* bias, float floor, PixelGrid y, PixelGrid gate, int rows, int columns)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
        where TGate : struct, IGate
        where TDown : struct, IPoints
        where TAcross : struct, IPoints
    {
        TVector least = TLanes.Broadcast(floor);
        nint yRow = y.Row, yPixel = y.Pixel, gateRow = gate.Row, gatePixel = gate.Pixel;
        for (int k = begin; k < end; k += TLanes.Width)
        {
            int left = end - k;
            float* p = all + k, q = wide + k, to = y.Origin + k, by = gate.Origin + k;
            OutputColumn<TColumns, TTaps, TDown>(p, slot, left, out TVector a0, out TVector a1, out TVector a2, out TVector a3);
            OutputColumn<TColumns, TTaps, TDown>(p + slot, slot, left, out TVector b0, out TVector b1, out TVector b2, out TVector b3);
            OutputColumn<TColumns, TTaps, TDown>(p + (2 * slot), slot, left, out TVector c0, out TVector c1, out TVector c2, out TVector c3);
            OutputColumn<TColumns, TTaps, TDown>(p + (3 * slot), slot, left, out TVector d0, out TVector d1, out TVector d2, out TVector d3);
            TVector e0 = default, e1 = default, e2 = default, e3 = default, f0 = default, f1 = default, f2 = default, f3 = default;
            if (TAcross.Count > 4)
            {
                OutputColumn<TColumns, TTaps, TDown>(q, slot, left, out e0, out e1, out e2, out e3);
                OutputColumn<TColumns, TTaps, TDown>(q + slot, slot, left, out f0, out f1, out f2, out f3);
            }
            TVector start = bias == null ? default : LoadPart<TColumns>(bias + k, left);
            OutputRow<TColumns, TTaps, TGate, TAcross>(a0, b0, c0, d0, e0, f0, start, least, to, yPixel, by, gatePixel, columns, left);
            if (rows > 1)
                OutputRow<TColumns, TTaps, TGate, TAcross>(a1, b1, c1, d1, e1, f1, start, least,
                    to + yRow, yPixel, by + gateRow, gatePixel, columns, left);
            if (TTaps.Count < 5 && TDown.Count > 4 && rows > 2)
                OutputRow<TColumns, TTaps, TGate, TAcross>(a2, b2, c2, d2, e2, f2, start, least,
                    to + (2 * yRow), yPixel, by + (2 * gateRow), gatePixel, columns, left);
            if (TTaps.Count < 5 && TDown.Count > 4 && rows > 3)
                OutputRow<TColumns, TTaps, TGate, TAcross>(a3, b3, c3, d3, e3, f3, start, least,
                    to + (3 * yRow), yPixel, by + (3 * gateRow), gatePixel, columns, left);
        }
    }

    /// <summary>A^T of a column of m.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputColumn<TColumns, TTaps, TDown>(float* m, nint slot, int left, out TVector t0, out TVector t1, out TVector t2, out TVector t3)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
        where TDown : struct, IPoints
    {
        nint row = Side * slot;
        float* m3 = m + (3 * row);
        TransformOutput<TTaps, TDown>(
            LoadPart<TColumns>(m, left), LoadPart<TColumns>(m + row, left), LoadPart<TColumns>(m + (2 * row), left), LoadPart<TColumns>(m3, left),
            TDown.Count > 4 ? LoadPart<TColumns>(m3 + row, left) : default, TDown.Count > 4 ? LoadPart<TColumns>(m3 + (2 * row), left) : default,
            out t0, out t1, out t2, out t3);
    }

    /// <summary>Pixels of a row of y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputRow<TColumns, TTaps, TGate, TAcross>(
        TVector t0, TVector t1, TVector t2, TVector t3, TVector t4, TVector t5, TVector start, TVector least,
        float* to, nint yPixel, float* by, nint gatePixel, int columns, int left)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
        where TGate : struct, IGate
        where TAcross : struct, IPoints
    {
        TransformOutput<TTaps, TAcross>(t0, t1, t2, t3, t4, t5, out TVector y0, out TVector y1, out TVector y2, out TVector y3);
        StorePixel<TColumns, TGate>(to, by, TLanes.Add(y0, start), least, left);
        if (columns > 1)
            StorePixel<TColumns, TGate>(to + yPixel, by + gatePixel, TLanes.Add(y1, start), least, left);
        if (TTaps.Count < 5 && TAcross.Count > 4 && columns > 2)
            StorePixel<TColumns, TGate>(to + (2 * yPixel), by + (2 * gatePixel), TLanes.Add(y2, start), least, left);
        if (TTaps.Count < 5 && TAcross.Count > 4 && columns > 3)
            StorePixel<TColumns, TGate>(to + (3 * yPixel), by + (3 * gatePixel), TLanes.Add(y3, start), least, left);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePixel<TColumns, TGate>(float* to, float* gate, TVector value, TVector least, int left)
        where TColumns : struct, IColumns
        where TGate : struct, IGate =>
        StorePart<TColumns>(to, TGate.Is ? TLanes.WherePositive(LoadPart<TColumns>(gate, left), value) : TLanes.Max(least, value), left);

    /// <summary>Channels from <paramref name="begin"/> to <paramref name="end"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OutputGradient<TColumns, TTaps>(WinogradTiles tiles, PixelGrid dy, int begin, int end, int channels, float* w, nint slot)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
    {
        for (int row = 0; row < tiles.Down; row++)
            for (int tile = 0; tile < tiles.Across; tile++)
            {
                float* all = w + tiles.Place(row, tile, channels), wide = w + (NarrowSide * slot) + tiles.WidePlace(row, tile, channels);
                PixelGrid dyTile = dy.At(row * tiles.Tile, tile * tiles.Tile);
                (int rows, int columns) = (tiles.RowsOf(row), tiles.ColumnsOf(tile));
                bool low = tiles.IsLow(row), narrow = tiles.IsNarrow(tile);
                if (TTaps.Count > 3 || !(low || narrow))
                    OutputGradientTile<TColumns, TTaps, SixPoints, SixPoints>(dyTile, rows, columns, begin, end, all, wide, slot);
                else if (!narrow)
                    OutputGradientTile<TColumns, TTaps, FourPoints, SixPoints>(dyTile, rows, columns, begin, end, all, wide, slot);
                else if (!low)
                    OutputGradientTile<TColumns, TTaps, SixPoints, FourPoints>(dyTile, rows, columns, begin, end, all, wide, slot);
                else
                    OutputGradientTile<TColumns, TTaps, FourPoints, FourPoints>(dyTile, rows, columns, begin, end, all, wide, slot);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OutputGradientTile<TColumns, TTaps, TDown, TAcross>(
        PixelGrid dy, int rows, int columns, int begin, int end, float* all, float* wide, nint slot)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
        where TDown : struct, IPoints
        where TAcross : struct, IPoints
    {
        nint row = Side * slot;
        for (int k = begin; k < end; k += TLanes.Width)
        {
            int left = end - k;
            float* a = all + k, b = wide + k;
            OutputGradientColumn<TColumns, TTaps, TDown>(dy, 0, rows, k, left,
                out TVector a0, out TVector a1, out TVector a2, out TVector a3, out TVector a4, out TVector a5);
            OutputGradientColumn<TColumns, TTaps, TDown>(dy, 1, columns > 1 ? rows : 0, k, left,
                out TVector b0, out TVector b1, out TVector b2, out TVector b3, out TVector b4, out TVector b5);
            TVector c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
            TVector d0 = default, d1 = default, d2 = default, d3 = default, d4 = default, d5 = default;
            if (TTaps.Count < 5 && TAcross.Count > 4)
            {
                OutputGradientColumn<TColumns, TTaps, TDown>(dy, 2, columns > 2 ? rows : 0, k, left, out c0, out c1, out c2, out c3, out c4, out c5);
                OutputGradientColumn<TColumns, TTaps, TDown>(dy, 3, columns > 3 ? rows : 0, k, left, out d0, out d1, out d2, out d3, out d4, out d5);
            }
            OutputGradientRow<TColumns, TTaps, TAcross>(a0, b0, c0, d0, a, b, slot, left);
            OutputGradientRow<TColumns, TTaps, TAcross>(a1, b1, c1, d1, a + row, b + row, slot, left);
            OutputGradientRow<TColumns, TTaps, TAcross>(a2, b2, c2, d2, a + (2 * row), b + (2 * row), slot, left);
            OutputGradientRow<TColumns, TTaps, TAcross>(a3, b3, c3, d3, a + (3 * row), b + (3 * row), slot, left);
            if (TDown.Count > 4)
            {
                OutputGradientRow<TColumns, TTaps, TAcross>(a4, b4, c4, d4, a + (4 * row), b + (4 * row), slot, left);
                OutputGradientRow<TColumns, TTaps, TAcross>(a5, b5, c5, d5, a + (5 * row), b + (5 * row), slot, left);
            }
        }
    }

    /// <summary>A of a column of dy, zeros where it has fewer pixels than a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputGradientColumn<TColumns, TTaps, TDown>(
        PixelGrid dy, int j, int rows, int k, int left,
        out TVector t0, out TVector t1, out TVector t2, out TVector t3, out TVector t4, out TVector t5)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
        where TDown : struct, IPoints
    {
        float* p = dy.Origin + (j * dy.Pixel) + k;
        bool most = TTaps.Count < 5 && TDown.Count > 4;
        TransformOutputGradient<TTaps, TDown>(
            rows > 0 ? LoadPart<TColumns>(p, left) : default, rows > 1 ? LoadPart<TColumns>(p + dy.Row, left) : default,
            most && rows > 2 ? LoadPart<TColumns>(p + (2 * dy.Row), left) : default, most && rows > 3 ? LoadPart<TColumns>(p + (3 * dy.Row), left) : default,
            out t0, out t1, out t2, out t3, out t4, out t5);
    }

    /// <summary>Slots of a row of w.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OutputGradientRow<TColumns, TTaps, TAcross>(
        TVector t0, TVector t1, TVector t2, TVector t3, float* all, float* wide, nint slot, int left)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
        where TAcross : struct, IPoints
    {
        TransformOutputGradient<TTaps, TAcross>(t0, t1, t2, t3,
            out TVector w0, out TVector w1, out TVector w2, out TVector w3, out TVector w4, out TVector w5);
        StoreSlots<TColumns>(all, slot, left, w0, w1, w2, w3);
        if (TAcross.Count > 4)
            StoreWideSlots<TColumns>(wide, slot, left, w4, w5);
    }
}
