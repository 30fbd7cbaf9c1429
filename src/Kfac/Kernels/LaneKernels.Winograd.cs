using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

internal abstract unsafe partial class LaneKernels
{
    /// <summary>Slots [i, j] = (G g G^T)[i, j] of every filter g [taps, taps], given in the last taps * taps slots.</summary>
    /// <param name="slots">[36, length]</param>
    /// <param name="length">Filters, a multiple of the vector.</param>
    /// <param name="taps">Rows and columns of a filter, 3 or 5.</param>
    public abstract void WinogradFilter(float* slots, nint length, int taps);

    /// <summary>v[i, j, tile, c] = (B^T d B)[i, j] of channel c of 6 x 6 pixels d of x, for tiles in a row that overlap.</summary>
    /// <param name="x">[6, 6 + (tiles - 1) * step, channels]</param>
    /// <param name="tiles">Tiles.</param>
    /// <param name="step">Pixels from a tile to the next.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="v">Slot [0, 0].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    public abstract void WinogradInput(PixelGrid x, int tiles, int step, int channels, float* v, nint slot);

    /// <summary>y[i, j, k] = max(floor, (A^T m A)[i, j] + bias[k]) of channel k, or 0 where the gate is not positive.</summary>
    /// <param name="m">Slot [0, 0] of [36, channels].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="bias">[channels], or null</param>
    /// <param name="floor">No y is smaller; not used with a gate.</param>
    /// <param name="y">[rows, columns, channels], overwritten</param>
    /// <param name="gate">[rows, columns, channels] or none</param>
    /// <param name="rows">Rows of y, up to 7 - taps.</param>
    /// <param name="columns">Columns of y, up to 7 - taps.</param>
    /// <param name="taps">Rows and columns of a filter, 3 or 5.</param>
    public abstract void WinogradOutput(
        float* m, nint slot, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate, int rows, int columns, int taps);

    /// <summary>w[i, j, k] = (A e A^T)[i, j] of channel k of the pixels e of dy, zeros where there are fewer than a tile has.</summary>
    /// <param name="dy">[rows, columns, channels]</param>
    /// <param name="rows">Rows of dy, up to 7 - taps.</param>
    /// <param name="columns">Columns of dy, up to 7 - taps.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="w">Slot [0, 0].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    /// <param name="taps">Rows and columns of a filter, 3 or 5.</param>
    public abstract void WinogradOutputGradient(PixelGrid dy, int rows, int columns, int channels, float* w, nint slot, int taps);

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
        TVector* columns = stackalloc TVector[Side * MostTaps];
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
                StoreSlots<OneVector>(slots + (Side * i * length) + at, length, TLanes.Width, u0, u1, u2, u3, u4, u5);
            }
        }
    }

    public override void WinogradInput(PixelGrid x, int tiles, int step, int channels, float* v, nint slot)
    {
        int c = 0;
        for (; c <= channels - TLanes.Width; c += TLanes.Width)
            InputVector<OneVector>(x, tiles, step, c, v + c, slot, channels, TLanes.Width);
        if (c < channels)
            InputVector<PartialVector>(x, tiles, step, c, v + c, slot, channels, channels - c);
    }

    public override void WinogradOutput(
        float* m, nint slot, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate, int rows, int columns, int taps)
    {
        int whole = channels / TLanes.Width * TLanes.Width;
        if (taps == 3)
            OutputVectors<OneVector, Taps3>(m, slot, 0, whole, bias, floor, y, gate, rows, columns);
        else
            OutputVectors<OneVector, Taps5>(m, slot, 0, whole, bias, floor, y, gate, rows, columns);
        if (whole == channels)
            return;
        if (taps == 3)
            OutputVectors<PartialVector, Taps3>(m, slot, whole, channels, bias, floor, y, gate, rows, columns);
        else
            OutputVectors<PartialVector, Taps5>(m, slot, whole, channels, bias, floor, y, gate, rows, columns);
    }

    public override void WinogradOutputGradient(PixelGrid dy, int rows, int columns, int channels, float* w, nint slot, int taps)
    {
        int k = 0;
        for (; k <= channels - TLanes.Width; k += TLanes.Width)
            OutputGradientVector<OneVector>(dy, rows, columns, k, w + k, slot, taps, TLanes.Width);
        if (k < channels)
            OutputGradientVector<PartialVector>(dy, rows, columns, k, w + k, slot, taps, channels - k);
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
                AddWithSquares(m + (position * slot) + (c * width), gradient, squares, (position * tap) + (c * channel), length);
    }

    /// <summary>T replaces the first slots of m.</summary>
    [SkipLocalsInit]
    private static void TransformFilterGradients<TTaps>(float* m, nint slot, nint width, int rows, int columns)
        where TTaps : struct, ITaps
    {
        TVector* t = stackalloc TVector[MostTaps * Side];
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

    /// <summary>Columns that neighbouring tiles share are multiplied by B^T once.</summary>
    [SkipLocalsInit]
    private static void InputVector<TColumns>(PixelGrid x, int tiles, int step, int c, float* v, nint slot, nint tile, int left)
        where TColumns : struct, IColumns
    {
        TVector* t = stackalloc TVector[MostColumns * Side];
        int most = ((MostColumns - Side) / step) + 1;
        for (int first = 0; first < tiles; first += most)
        {
            int count = Math.Min(tiles - first, most);
            float* p = x.Origin + (first * step * x.Pixel) + c;
            TVector* end = t + (Side * (((count - 1) * step) + Side));
            for (TVector* to = t; to < end; to += Side, p += x.Pixel)
                TransformInput(
                    LoadPart<TColumns>(p, left), LoadPart<TColumns>(p + x.Row, left), LoadPart<TColumns>(p + (2 * x.Row), left),
                    LoadPart<TColumns>(p + (3 * x.Row), left), LoadPart<TColumns>(p + (4 * x.Row), left), LoadPart<TColumns>(p + (5 * x.Row), left),
                    out to[0], out to[1], out to[2], out to[3], out to[4], out to[5]);
            for (int n = 0; n < count; n++, v += tile)
            {
                TVector* d = t + (Side * step * n);
                for (int i = 0; i < Side; i++, d++)
                {
                    TransformInput(d[0], d[Side], d[2 * Side], d[3 * Side], d[4 * Side], d[5 * Side],
                        out TVector v0, out TVector v1, out TVector v2, out TVector v3, out TVector v4, out TVector v5);
                    StoreSlots<TColumns>(v + (Side * i * slot), slot, left, v0, v1, v2, v3, v4, v5);
                }
            }
        }
    }

    /// <summary>Channels from <paramref name="k"/> to <paramref name="end"/>.</summary>
    [SkipLocalsInit]
    private static void OutputVectors<TColumns, TTaps>(
        float* m, nint slot, nint k, nint end, float* bias, float floor, PixelGrid y, PixelGrid gate, int rows, int columns)
        where TColumns : struct, IColumns
        where TTaps : struct, ITaps
    {
        TVector* t = stackalloc TVector[MostOutputs * Side];
        TVector least = TLanes.Broadcast(floor);
        nint yRow = y.Row, yPixel = y.Pixel, gateRow = gate.Row, gatePixel = gate.Pixel;
        for (; k < end; k += TLanes.Width)
        {
            int left = (int)(end - k);
            float* p = m + k;
            for (TVector* to = t; to < t + Side; to++, p += slot)
            {
                TransformOutput<TTaps>(
                    LoadPart<TColumns>(p, left), LoadPart<TColumns>(p + (Side * slot), left), LoadPart<TColumns>(p + (2 * Side * slot), left),
                    LoadPart<TColumns>(p + (3 * Side * slot), left), LoadPart<TColumns>(p + (4 * Side * slot), left),
                    LoadPart<TColumns>(p + (5 * Side * slot), left),
                    out to[0], out to[Side], out TVector y2, out TVector y3);
                if (TTaps.Count < 5)
                    (to[2 * Side], to[3 * Side]) = (y2, y3);
            }
            TVector start = bias == null ? default : LoadPart<TColumns>(bias + k, left);
            float* at = y.Origin + k, by = gate.Origin == null ? null : gate.Origin + k;
            for (TVector* d = t; d < t + (Side * rows); d += Side, at += yRow, by += gateRow)
            {
                TransformOutput<TTaps>(d[0], d[1], d[2], d[3], d[4], d[5], out TVector y0, out TVector y1, out TVector y2, out TVector y3);
                StorePixel<TColumns>(at, by, TLanes.Add(y0, start), least, left);
                if (columns > 1)
                    StorePixel<TColumns>(at + yPixel, by + gatePixel, TLanes.Add(y1, start), least, left);
                if (TTaps.Count > 3)
                    continue;
                if (columns > 2)
                    StorePixel<TColumns>(at + (2 * yPixel), by + (2 * gatePixel), TLanes.Add(y2, start), least, left);
                if (columns > 3)
                    StorePixel<TColumns>(at + (3 * yPixel), by + (3 * gatePixel), TLanes.Add(y3, start), least, left);
            }
        }
    }

    [SkipLocalsInit]
    private static void OutputGradientVector<TColumns>(
        PixelGrid dy, int rows, int columns, int k, float* w, nint slot, int taps, int left)
        where TColumns : struct, IColumns
    {
        TVector* t = stackalloc TVector[Side * MostOutputs];
        for (int j = 0; j < MostOutputs; j++)
        {
            float* p = dy.Origin + (j * dy.Pixel) + k;
            int there = j < columns ? rows : 0;
            TransformOutputGradient(
                there > 0 ? LoadPart<TColumns>(p, left) : default, there > 1 ? LoadPart<TColumns>(p + dy.Row, left) : default,
                there > 2 ? LoadPart<TColumns>(p + (2 * dy.Row), left) : default,
                there > 3 ? LoadPart<TColumns>(p + (3 * dy.Row), left) : default, taps,
                out t[j], out t[MostOutputs + j], out t[(2 * MostOutputs) + j],
                out t[(3 * MostOutputs) + j], out t[(4 * MostOutputs) + j], out t[(5 * MostOutputs) + j]);
        }
        for (int i = 0; i < Side; i++)
        {
            TVector* e = t + (MostOutputs * i);
            TransformOutputGradient(e[0], e[1], e[2], e[3], taps,
                out TVector w0, out TVector w1, out TVector w2, out TVector w3, out TVector w4, out TVector w5);
            StoreSlots<TColumns>(w + (Side * i * slot), slot, left, w0, w1, w2, w3, w4, w5);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector LoadPart<TColumns>(float* from, int left)
        where TColumns : struct, IColumns => TColumns.IsPartial ? TLanes.LoadFirst(from, left) : TLanes.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart<TColumns>(float* to, TVector value, int left)
        where TColumns : struct, IColumns
    {
        if (TColumns.IsPartial)
            TLanes.StoreFirst(to, value, left);
        else
            TLanes.Store(to, value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreSlots<TColumns>(
        float* to, nint slot, int left, TVector v0, TVector v1, TVector v2, TVector v3, TVector v4, TVector v5)
        where TColumns : struct, IColumns
    {
        StorePart<TColumns>(to, v0, left);
        StorePart<TColumns>(to + slot, v1, left);
        StorePart<TColumns>(to + (2 * slot), v2, left);
        StorePart<TColumns>(to + (3 * slot), v3, left);
        StorePart<TColumns>(to + (4 * slot), v4, left);
        StorePart<TColumns>(to + (5 * slot), v5, left);
    }

    /// <summary>Without a gate the pointer is null, and its pixels 0 apart, so that it stays null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePixel<TColumns>(float* to, float* gate, TVector value, TVector least, int left)
        where TColumns : struct, IColumns =>
        StorePart<TColumns>(
            to, gate == null ? TLanes.Greater(least, value) : TLanes.WherePositive(LoadPart<TColumns>(gate, left), value), left);

    /// <summary>gradient += t, squares += t * t, from <paramref name="at"/> on; t may be read to the end of its last vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddWithSquares(float* t, float* gradient, float* squares, nint at, int length)
    {
        float* g = gradient == null ? null : gradient + at, q = squares == null ? null : squares + at;
        int i = 0;
        for (; i <= length - TLanes.Width; i += TLanes.Width)
        {
            TVector value = TLanes.Load(t + i);
            if (g != null)
                TLanes.Store(g + i, TLanes.Add(TLanes.Load(g + i), value));
            if (q != null)
                TLanes.Store(q + i, TLanes.MultiplyAdd(value, value, TLanes.Load(q + i)));
        }
        int left = length - i;
        if (left == 0)
            return;
        TVector last = TLanes.Load(t + i);
        if (g != null)
            TLanes.StoreFirst(g + i, TLanes.Add(TLanes.LoadFirst(g + i, left), last), left);
        if (q != null)
            TLanes.StoreFirst(q + i, TLanes.MultiplyAdd(last, last, TLanes.LoadFirst(q + i, left)), left);
    }
}
