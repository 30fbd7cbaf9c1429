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
    /// <param name="wanted">Which of the channels are transformed, counted from the start; the others' places are not written.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="v">Slot [0, 0].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    public abstract void WinogradInput(WinogradTiles tiles, PixelGrid x, Range wanted, int channels, float* v, nint slot);

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
    private const int Side = Winograd.Side, NarrowSide = WinogradTiles.NarrowSide, MaxTaps = 5;

    [SkipLocalsInit]
    public override void WinogradFilter(float* slots, nint length, int taps)
    {
        TVector* columnsMemory = stackalloc TVector[(Side * MaxTaps) + 1], columns = Align(columnsMemory);
        for (nint at = 0; at < length; at += TLanes.Width)
        {
            float* filter = slots + ((Winograd.Slots - (taps * taps)) * length) + at;
            for (int s = 0; s < taps; s++)
            {
                TransformFilter(
                    TLanes.Load(filter + (s * length)), TLanes.Load(filter + ((taps + s) * length)), TLanes.Load(filter + (((2 * taps) + s) * length)),
                    taps > 3 ? TLanes.Load(filter + (((3 * taps) + s) * length)) : default,
                    taps > 3 ? TLanes.Load(filter + (((4 * taps) + s) * length)) : default, taps,
                    out columns[s], out columns[MaxTaps + s], out columns[(2 * MaxTaps) + s],
                    out columns[(3 * MaxTaps) + s], out columns[(4 * MaxTaps) + s], out columns[(5 * MaxTaps) + s]);
            }
            for (int i = 0; i < Side; i++)
            {
                TVector* g = columns + (MaxTaps * i);
                TransformFilter(g[0], g[1], g[2], taps > 3 ? g[3] : default, taps > 3 ? g[4] : default, taps,
                    out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5);
                float* to = slots + (Side * i * length) + at;
                StoreSlots<OneVector>(to, length, TLanes.Width, u0, u1, u2, u3);
                StoreWideSlots<OneVector>(to + (NarrowSide * length), length, TLanes.Width, u4, u5);
            }
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TransformFilterGradients<TTaps>(float* m, nint slot, nint width, int rows, int columns)
        where TTaps : struct, ITaps
    {
        nint m1 = Side * slot, m3 = 3 * m1;
        for (int c = 0; c < rows; c++)
            for (nint at = c * width; at < (c * width) + columns; at += TLanes.Width)
            {
                float* p = m + at;
                FilterGradientColumn<TTaps>(p, m1, m3, out TVector a0, out TVector a1, out TVector a2, out TVector a3, out TVector a4);
                FilterGradientColumn<TTaps>(p + slot, m1, m3, out TVector b0, out TVector b1, out TVector b2, out TVector b3, out TVector b4);
                FilterGradientColumn<TTaps>(p + (2 * slot), m1, m3, out TVector c0, out TVector c1, out TVector c2, out TVector c3, out TVector c4);
                FilterGradientColumn<TTaps>(p + (3 * slot), m1, m3, out TVector d0, out TVector d1, out TVector d2, out TVector d3, out TVector d4);
                FilterGradientColumn<TTaps>(p + (4 * slot), m1, m3, out TVector e0, out TVector e1, out TVector e2, out TVector e3, out TVector e4);
                FilterGradientColumn<TTaps>(p + (5 * slot), m1, m3, out TVector f0, out TVector f1, out TVector f2, out TVector f3, out TVector f4);
                FilterGradientRow<TTaps>(a0, b0, c0, d0, e0, f0, p, slot);
                FilterGradientRow<TTaps>(a1, b1, c1, d1, e1, f1, p + (TTaps.Count * slot), slot);
                FilterGradientRow<TTaps>(a2, b2, c2, d2, e2, f2, p + (2 * TTaps.Count * slot), slot);
                if (TTaps.Count > 3)
                {
                    FilterGradientRow<TTaps>(a3, b3, c3, d3, e3, f3, p + (3 * TTaps.Count * slot), slot);
                    FilterGradientRow<TTaps>(a4, b4, c4, d4, e4, f4, p + (4 * TTaps.Count * slot), slot);
                }
            }
    }

    /// <summary>G^T of a column of m.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FilterGradientColumn<TTaps>(float* p, nint m1, nint m3,
        out TVector t0, out TVector t1, out TVector t2, out TVector t3, out TVector t4)
        where TTaps : struct, ITaps
    {
        float* q = p + m3;
        TransformFilterGradient<TTaps>(
            TLanes.Load(p), TLanes.Load(p + m1), TLanes.Load(p + (2 * m1)), TLanes.Load(q), TLanes.Load(q + m1), TLanes.Load(q + (2 * m1)),
            out t0, out t1, out t2, out t3, out t4);
    }

    /// <summary>A row of taps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FilterGradientRow<TTaps>(TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, TVector d5, float* to, nint slot)
        where TTaps : struct, ITaps
    {
        TransformFilterGradient<TTaps>(d0, d1, d2, d3, d4, d5,
            out TVector g0, out TVector g1, out TVector g2, out TVector g3, out TVector g4);
        TLanes.Store(to, g0);
        TLanes.Store(to + slot, g1);
        TLanes.Store(to + (2 * slot), g2);
        if (TTaps.Count > 3)
        {
            TLanes.Store(to + (3 * slot), g3);
            TLanes.Store(to + (4 * slot), g4);
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

    /// <summary>Four slots one after the other, which every tile has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreSlots<TColumns>(float* to, nint slot, int left, TVector v0, TVector v1, TVector v2, TVector v3)
        where TColumns : struct, IColumns
    {
        StorePart<TColumns>(to, v0, left);
        StorePart<TColumns>(to + slot, v1, left);
        StorePart<TColumns>(to + (2 * slot), v2, left);
        StorePart<TColumns>(to + (3 * slot), v3, left);
    }

    /// <summary>The two after them, which a narrow tile does not have.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWideSlots<TColumns>(float* to, nint slot, int left, TVector v4, TVector v5)
        where TColumns : struct, IColumns
    {
        StorePart<TColumns>(to, v4, left);
        StorePart<TColumns>(to + slot, v5, left);
    }
}
