using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

internal abstract unsafe partial class LaneKernels
{
    /// <summary>Slots [i, j] = (G g G^T)[i, j] of every filter g [taps, taps], given in the last taps * taps slots.</summary>
    /// <param name="slots">[36, length]</param>
    /// <param name="length">Filters, a multiple of the vector.</param>
    /// <param name="taps">Rows and columns of a filter, 3 or 5.</param>
    public abstract void WinogradFilter(float* slots, nint length, int taps);

    /// <summary>v[i, j][tile, c] = (B^T d B)[i, j] of channel c of the pixels d of x under each tile.</summary>
    /// <param name="tiles">The tiles.</param>
    /// <param name="x">At the first pixel under the first tile.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="v">Slot [0, 0].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    public abstract void WinogradInput(WinogradTiles tiles, PixelGrid x, int channels, float* v, nint slot);

    /// <summary>y[i, j, k] = max(floor, (A^T m A)[i, j] + bias[k]) of channel k, or 0 where the gate is not positive.</summary>
    /// <param name="tiles">The tiles.</param>
    /// <param name="m">Slot [0, 0]; a slot is [tile, channels].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="bias">[channels], or null</param>
    /// <param name="floor">No y is smaller; not used with a gate.</param>
    /// <param name="y">[rows, columns, channels], overwritten</param>
    /// <param name="gate">[rows, columns, channels] or none</param>
    public abstract void WinogradOutput(
        WinogradTiles tiles, float* m, nint slot, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate);

    /// <summary>w[i, j][tile, k] = (A e A^T)[i, j] of channel k of the pixels e of dy, zeros where there are fewer than a tile has.</summary>
    /// <param name="tiles">The tiles.</param>
    /// <param name="dy">[rows, columns, channels]</param>
    /// <param name="channels">Channels.</param>
    /// <param name="w">Slot [0, 0].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    public abstract void WinogradOutputGradient(WinogradTiles tiles, PixelGrid dy, int channels, float* w, nint slot);

    /// <summary>T[tap, c, k] = (G^T m G)[tap], then gradient += T and squares += T * T.</summary>
    /// <param name="m">[36, rows, width]; T replaces the first taps * taps slots</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    /// <param name="width">Floats from a row to the next.</param>
    /// <param name="rows">Input channels c.</param>
    /// <param name="columns">Output channels k, up to width.</param>
    /// <param name="gradient">At channels (0, 0) of tap 0, or null</param>
    /// <param name="squares">At channels (0, 0) of tap 0, or null</param>
    /// <param name="tap">Floats from a tap to the next.</param>
    /// <param name="channel">Floats from an input channel to the next.</param>
    /// <param name="taps">Rows and columns of a filter, 3 or 5.</param>
    public abstract void WinogradFilterGradient(
        float* m, nint slot, nint width, int rows, int columns, float* gradient, float* squares, nint tap, nint channel, int taps);
}

internal sealed unsafe partial class LaneKernels<TLanes, TVector>
{
    private const int Side = Winograd.Side, MostTaps = 5, MostOutputs = 4, MostColumns = 20;

    [SkipLocalsInit]
    public override void WinogradFilter(float* slots, nint length, int taps)
    {
        TVector* columnsMemory = stackalloc TVector[(Side * MostTaps) + 1], columns = Align(columnsMemory);
        for (nint at = 0; at < length; at += TLanes.Width)
        {
            float* filter = slots + ((Winograd.Slots - (taps * taps)) * length) + at;
            for (int s = 0; s < taps; s++)
            {
                TransformFilter(
                    TLanes.Load(filter + (s * length)), TLanes.Load(filter + ((taps + s) * length)), TLanes.Load(filter + (((2 * taps) + s) * length)),
                    taps > 3 ? TLanes.Load(filter + (((3 * taps) + s) * length)) : default,
                    taps > 3 ? TLanes.Load(filter + (((4 * taps) + s) * length)) : default, taps,
                    out columns[s], out columns[MostTaps + s], out columns[(2 * MostTaps) + s],
                    out columns[(3 * MostTaps) + s], out columns[(4 * MostTaps) + s], out columns[(5 * MostTaps) + s]);
            }
            for (int i = 0; i < Side; i++)
            {
                TVector* g = columns + (MostTaps * i);
                TransformFilter(g[0], g[1], g[2], taps > 3 ? g[3] : default, taps > 3 ? g[4] : default, taps,
                    out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5);
                StoreSlots<OneVector>(slots + (Side * i * length) + at, length, TLanes.Width, u0, u1, u2, u5);
                StoreWideSlots<OneVector>(slots + (Side * i * length) + at, length, TLanes.Width, u3, u4);
            }
        }
    }

    public override void WinogradInput(WinogradTiles tiles, PixelGrid x, int channels, float* v, nint slot)
    {
        for (int row = 0; row < tiles.Down; row++)
        {
            int c = 0;
            for (; c <= channels - TLanes.Width; c += TLanes.Width)
                InputVector<OneVector>(tiles, row, x, c, channels, v, slot);
            if (c < channels)
                InputVector<PartialVector>(tiles, row, x, c, channels, v, slot);
        }
    }

    public override void WinogradOutput(
        WinogradTiles tiles, float* m, nint slot, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate)
    {
        if (tiles.Taps == 3)
            Output<Taps3>(tiles, m, slot, channels, bias, floor, y, gate);
        else
            Output<Taps5>(tiles, m, slot, channels, bias, floor, y, gate);
    }

    public override void WinogradOutputGradient(WinogradTiles tiles, PixelGrid dy, int channels, float* w, nint slot)
    {
        int whole = channels / TLanes.Width * TLanes.Width;
        for (int row = 0; row < tiles.Down; row++)
        {
            OutputGradientVectors<OneVector>(tiles, row, dy, 0, whole, channels, w, slot);
            if (whole < channels)
                OutputGradientVectors<PartialVector>(tiles, row, dy, whole, channels, channels, w, slot);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void WinogradFilterGradient(
        float* m, nint slot, nint width, int rows, int columns, float* gradient, float* squares, nint tap, nint channel, int taps)
    {
        if (taps == 3)
            TransformFilterGradients<Taps3>(m, slot, width, rows, columns);
        else
            TransformFilterGradients<Taps5>(m, slot, width, rows, columns);
        (int runs, int length) = columns == width && columns == channel ? (1, rows * columns) : (rows, columns);
        for (int position = 0; position < taps * taps; position++)
            for (int c = 0; c < runs; c++)
            {
                nint at = (position * tap) + (c * channel);
                AddWithSquares(m + (position * slot) + (c * width), gradient == null ? null : gradient + at, squares == null ? null : squares + at, length);
            }
    }

    /// <summary>T replaces the first slots of m.</summary>
    [SkipLocalsInit]
    private static void TransformFilterGradients<TTaps>(float* m, nint slot, nint width, int rows, int columns)
        where TTaps : struct, ITaps
    {
        TVector* tMemory = stackalloc TVector[(MostTaps * Side) + 1], t = Align(tMemory);
        for (int c = 0; c < rows; c++)
            for (nint at = c * width; at < (c * width) + columns; at += TLanes.Width)
            {
                for (int j = 0; j < Side; j++)
                {
                    float* p = m + (j * slot) + at;
                    TransformFilterGradient<TTaps>(
                        TLanes.Load(p), TLanes.Load(p + (Side * slot)), TLanes.Load(p + (2 * Side * slot)),
                        TLanes.Load(p + (3 * Side * slot)), TLanes.Load(p + (4 * Side * slot)), TLanes.Load(p + (5 * Side * slot)),
                        out t[j], out t[Side + j], out t[(2 * Side) + j], out TVector t3, out TVector t4);
                    if (TTaps.Count > 3)
                        (t[(3 * Side) + j], t[(4 * Side) + j]) = (t3, t4);
                }
                for (int r = 0; r < TTaps.Count; r++)
                {
                    TVector* d = t + (Side * r);
                    TransformFilterGradient<TTaps>(d[0], d[1], d[2], d[3], d[4], d[5],
                        out TVector g0, out TVector g1, out TVector g2, out TVector g3, out TVector g4);
                    float* to = m + (TTaps.Count * r * slot) + at;
                    TLanes.Store(to, g0);
                    TLanes.Store(to + slot, g1);
                    TLanes.Store(to + (2 * slot), g2);
                    if (TTaps.Count > 3)
                    {
                        TLanes.Store(to + (3 * slot), g3);
                        TLanes.Store(to + (4 * slot), g4);
                    }
                }
            }
    }

    /// <summary>Channels from <paramref name="c"/> on of a row of tiles. Columns that neighbours share are multiplied by B^T once.</summary>
    [SkipLocalsInit]
    private static void InputVector<TColumns>(WinogradTiles tiles, int row, PixelGrid x, int c, int channels, float* v, nint slot)
        where TColumns : struct, IColumns
    {
        TVector* tMemory = stackalloc TVector[(MostColumns * Side) + 1], t = Align(tMemory);
        int left = channels - c, step = tiles.Tile, most = ((MostColumns - Side) / step) + 1;
        bool low = tiles.IsLow(row);
        float* all = v + tiles.Place(row, 0, channels) + c, wide = v + tiles.WidePlace(row, 0, channels) + c;
        nint x1 = x.Row, x3 = 3 * x.Row, x5 = 5 * x.Row, pixel = x.Pixel, slots = Side * slot;
        for (int first = 0; first < tiles.Across; first += most)
        {
            int count = Math.Min(tiles.Across - first, most);
            float* p = x.Origin + (row * step * x.Row) + (first * step * x.Pixel) + c;
            TVector* end = t + (Side * (((count - 1) * step) + (tiles.IsNarrow(first + count - 1) ? WinogradTiles.NarrowSide : Side)));
            if (low)
            {
                for (TVector* to = t; to < end; to += Side, p += pixel)
                    TransformNarrowInput(
                        LoadPart<TColumns>(p, left), LoadPart<TColumns>(p + x1, left),
                        LoadPart<TColumns>(p + (2 * x1), left), LoadPart<TColumns>(p + x3, left),
                        out to[0], out to[1], out to[2], out to[5]);
            }
            else
            {
                for (TVector* to = t; to < end; to += Side, p += pixel)
                    TransformInput(
                        LoadPart<TColumns>(p, left), LoadPart<TColumns>(p + x1, left),
                        LoadPart<TColumns>(p + (2 * x1), left), LoadPart<TColumns>(p + x3, left),
                        LoadPart<TColumns>(p + (4 * x1), left), LoadPart<TColumns>(p + x5, left),
                        out to[0], out to[1], out to[2], out to[3], out to[4], out to[5]);
            }
            for (int n = 0; n < count; n++, all += channels, wide += channels)
            {
                TVector* e = t + (Side * step * n);
                float* a = all, w = wide;
                if (tiles.IsNarrow(first + n))
                {
                    for (int i = 0; i < Side; i++, e++, a += slots)
                    {
                        if (low && WinogradTiles.IsWide(i))
                            continue;
                        TransformNarrowInput(e[0], e[Side], e[2 * Side], e[3 * Side], out TVector v0, out TVector v1, out TVector v2, out TVector v5);
                        StoreSlots<TColumns>(a, slot, left, v0, v1, v2, v5);
                    }
                }
                else
                {
                    for (int i = 0; i < Side; i++, e++, a += slots, w += slots)
                    {
                        if (low && WinogradTiles.IsWide(i))
                            continue;
                        TransformInput(e[0], e[Side], e[2 * Side], e[3 * Side], e[4 * Side], e[5 * Side],
                            out TVector v0, out TVector v1, out TVector v2, out TVector v3, out TVector v4, out TVector v5);
                        StoreSlots<TColumns>(a, slot, left, v0, v1, v2, v5);
                        StoreWideSlots<TColumns>(w, slot, left, v3, v4);
                    }
                }
            }
        }
    }

    private static void Output<TTaps>(
        WinogradTiles tiles, float* m, nint slot, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate)
        where TTaps : struct, ITaps
    {
        int whole = channels / TLanes.Width * TLanes.Width;
        for (int row = 0; row < tiles.Down; row++)
        {
            if (gate.Origin == null)
                OutputVectors<OneVector, TTaps, Ungated>(tiles, row, m, slot, 0, whole, channels, bias, floor, y, gate);
            else
                OutputVectors<OneVector, TTaps, Gated>(tiles, row, m, slot, 0, whole, channels, bias, floor, y, gate);
            if (whole == channels)
                continue;
            if (gate.Origin == null)
                OutputVectors<PartialVector, TTaps, Ungated>(tiles, row, m, slot, whole, channels, channels, bias, floor, y, gate);
            else
                OutputVectors<PartialVector, TTaps, Gated>(tiles, row, m, slot, whole, channels, channels, bias, floor, y, gate);
        }
    }

    /// <summary>Channels from <paramref name="first"/> to <paramref name="end"/> of a row of tiles.</summary>
    [SkipLocalsInit]
    private static void OutputVectors<TColumns, TTaps, TGate>(
        WinogradTiles tiles, int row, float* m, nint slot, int first, int end, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
        where TGate : struct, IGate
    {
        TVector* tMemory = stackalloc TVector[(MostOutputs * Side) + 1], t = Align(tMemory);
        TVector least = TLanes.Broadcast(floor);
        TVector* rowsEnd = t + (Side * tiles.RowsOf(row));
        bool low = tiles.IsLow(row);
        float* all = m + tiles.Place(row, 0, channels), wide = m + tiles.WidePlace(row, 0, channels);
        float* yTile = y.Origin + (tiles.Tile * row * y.Row), gateTile = gate.Origin + (tiles.Tile * row * gate.Row);
        nint m1 = Side * slot, m3 = 3 * m1, m4 = 4 * m1, m5 = 5 * m1;
        nint yRow = y.Row, yPixel = y.Pixel, gateRow = gate.Row, gatePixel = gate.Pixel;
        for (int tile = 0; tile < tiles.Across; tile++)
        {
            int columns = tiles.ColumnsOf(tile);
            bool narrow = tiles.IsNarrow(tile);
            for (int k = first; k < end; k += TLanes.Width)
            {
                int left = end - k;
                float* a = all + k, w = wide + k;
                TVector* to = t;
                for (int j = 0; j < Side; j++, to++, a += slot, w += slot)
                {
                    if (narrow && WinogradTiles.IsWide(j))
                        continue;
                    float* p = WinogradTiles.IsWide(j) ? w : a;
                    if (low)
                    {
                        TransformNarrowOutput(
                            LoadPart<TColumns>(p, left), LoadPart<TColumns>(p + m1, left), LoadPart<TColumns>(p + (2 * m1), left), LoadPart<TColumns>(p + m5, left),
                            out to[0], out to[Side]);
                        continue;
                    }
                    TransformOutput<TTaps>(
                        LoadPart<TColumns>(p, left), LoadPart<TColumns>(p + m1, left), LoadPart<TColumns>(p + (2 * m1), left),
                        LoadPart<TColumns>(p + m3, left), LoadPart<TColumns>(p + m4, left), LoadPart<TColumns>(p + m5, left),
                        out to[0], out to[Side], out TVector y2, out TVector y3);
                    if (TTaps.Count < 5)
                        (to[2 * Side], to[3 * Side]) = (y2, y3);
                }
                TVector start = bias == null ? default : LoadPart<TColumns>(bias + k, left);
                float* at = yTile + k, by = gateTile + k;
                for (TVector* d = t; d < rowsEnd; d += Side, at += yRow, by += gateRow)
                {
                    TVector y0, y1, y2 = default, y3 = default;
                    if (narrow)
                        TransformNarrowOutput(d[0], d[1], d[2], d[5], out y0, out y1);
                    else
                        TransformOutput<TTaps>(d[0], d[1], d[2], d[3], d[4], d[5], out y0, out y1, out y2, out y3);
                    StorePixel<TColumns, TGate>(at, by, TLanes.Add(y0, start), least, left);
                    if (columns > 1)
                        StorePixel<TColumns, TGate>(at + yPixel, by + gatePixel, TLanes.Add(y1, start), least, left);
                    if (TTaps.Count > 3)
                        continue;
                    if (columns > 2)
                        StorePixel<TColumns, TGate>(at + (2 * yPixel), by + (2 * gatePixel), TLanes.Add(y2, start), least, left);
                    if (columns > 3)
                        StorePixel<TColumns, TGate>(at + (3 * yPixel), by + (3 * gatePixel), TLanes.Add(y3, start), least, left);
                }
            }
            all += channels;
            wide += channels;
            yTile += tiles.Tile * yPixel;
            gateTile += tiles.Tile * gatePixel;
        }
    }

    /// <summary>Channels from <paramref name="first"/> to <paramref name="end"/> of a row of tiles.</summary>
    [SkipLocalsInit]
    private static void OutputGradientVectors<TColumns>(
        WinogradTiles tiles, int row, PixelGrid dy, int first, int end, int channels, float* w, nint slot)
        where TColumns : struct, IColumns
    {
        TVector* tMemory = stackalloc TVector[(Side * MostOutputs) + 1], t = Align(tMemory);
        int taps = tiles.Taps, rows = tiles.RowsOf(row);
        bool low = tiles.IsLow(row);
        float* all = w + tiles.Place(row, 0, channels), wide = w + tiles.WidePlace(row, 0, channels);
        float* dyTile = dy.Origin + (tiles.Tile * row * dy.Row);
        nint dy1 = dy.Row, dy3 = 3 * dy.Row, pixel = dy.Pixel, slots = Side * slot;
        for (int tile = 0; tile < tiles.Across; tile++)
        {
            int columns = tiles.ColumnsOf(tile);
            bool narrow = tiles.IsNarrow(tile);
            for (int k = first; k < end; k += TLanes.Width)
            {
                int left = end - k;
                float* p = dyTile + k;
                TVector* to = t;
                for (int j = 0; j < (narrow ? 2 : MostOutputs); j++, to++, p += pixel)
                {
                    int there = j < columns ? rows : 0;
                    TVector e0 = there > 0 ? LoadPart<TColumns>(p, left) : default, e1 = there > 1 ? LoadPart<TColumns>(p + dy1, left) : default;
                    if (low)
                        TransformNarrowOutputGradient(e0, e1, out to[0], out to[MostOutputs], out to[2 * MostOutputs], out to[5 * MostOutputs]);
                    else
                        TransformOutputGradient(
                            e0, e1, there > 2 ? LoadPart<TColumns>(p + (2 * dy1), left) : default, there > 3 ? LoadPart<TColumns>(p + dy3, left) : default, taps,
                            out to[0], out to[MostOutputs], out to[2 * MostOutputs],
                            out to[3 * MostOutputs], out to[4 * MostOutputs], out to[5 * MostOutputs]);
                }
                TVector* e = t;
                float* a = all + k, b = wide + k;
                for (int i = 0; i < Side; i++, e += MostOutputs, a += slots, b += slots)
                {
                    if (low && WinogradTiles.IsWide(i))
                        continue;
                    if (narrow)
                    {
                        TransformNarrowOutputGradient(e[0], e[1], out TVector w0, out TVector w1, out TVector w2, out TVector w5);
                        StoreSlots<TColumns>(a, slot, left, w0, w1, w2, w5);
                        continue;
                    }
                    TransformOutputGradient(e[0], e[1], e[2], e[3], taps,
                        out TVector v0, out TVector v1, out TVector v2, out TVector v3, out TVector v4, out TVector v5);
                    StoreSlots<TColumns>(a, slot, left, v0, v1, v2, v5);
                    StoreWideSlots<TColumns>(b, slot, left, v3, v4);
                }
            }
            all += channels;
            wide += channels;
            dyTile += tiles.Tile * pixel;
        }
    }

    /// <summary>The first place from <paramref name="memory"/> on where no vector lies in two cache lines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector* Align(TVector* memory) => (TVector*)(((nuint)memory + (nuint)sizeof(TVector) - 1) & ~((nuint)sizeof(TVector) - 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector LoadPart<TColumns>(float* from, int left)
        where TColumns : struct, IColumns => TColumns.Load<TLanes, TVector>(from, left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart<TColumns>(float* to, TVector value, int left)
        where TColumns : struct, IColumns => TColumns.Store<TLanes, TVector>(to, value, left);

    /// <summary>Slots 0, 1, 2 and 5, which every tile has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreSlots<TColumns>(float* to, nint slot, int left, TVector v0, TVector v1, TVector v2, TVector v5)
        where TColumns : struct, IColumns
    {
        StorePart<TColumns>(to, v0, left);
        StorePart<TColumns>(to + slot, v1, left);
        StorePart<TColumns>(to + (2 * slot), v2, left);
        StorePart<TColumns>(to + (5 * slot), v5, left);
    }

    /// <summary>Slots 3 and 4, which a narrow tile does not have.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWideSlots<TColumns>(float* to, nint slot, int left, TVector v3, TVector v4)
        where TColumns : struct, IColumns
    {
        StorePart<TColumns>(to + (3 * slot), v3, left);
        StorePart<TColumns>(to + (4 * slot), v4, left);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePixel<TColumns, TGate>(float* to, float* gate, TVector value, TVector least, int left)
        where TColumns : struct, IColumns
        where TGate : struct, IGate =>
        StorePart<TColumns>(to, TGate.Is ? TLanes.WherePositive(LoadPart<TColumns>(gate, left), value) : TLanes.Greater(least, value), left);
}
