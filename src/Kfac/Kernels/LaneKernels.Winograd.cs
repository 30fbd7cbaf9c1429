using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

internal abstract unsafe partial class LaneKernels
{
    /// <summary>Slots [i, j] = (G g G^T)[i, j] of every 3 x 3 filter g, given in the last nine slots.</summary>
    /// <param name="slots">[36, length]</param>
    /// <param name="length">Filters, a multiple of the vector.</param>
    public abstract void WinogradFilter(float* slots, nint length);

    /// <summary>v[i, j, c] = (B^T d B)[i, j] of channel c of the 6 x 6 pixels d of x.</summary>
    /// <param name="x">[6, 6, channels]</param>
    /// <param name="channels">Channels.</param>
    /// <param name="v">Slot [0, 0].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    public abstract void WinogradInput(PixelGrid x, int channels, float* v, nint slot);

    /// <summary>y[i, j, k] = max(floor, (A^T m A)[i, j] + bias[k]) of channel k, or 0 where the gate is not positive.</summary>
    /// <param name="m">Slot [0, 0] of [36, channels].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="bias">[channels], or null</param>
    /// <param name="floor">No y is smaller; not used with a gate.</param>
    /// <param name="y">[rows, columns, channels], overwritten</param>
    /// <param name="gate">[rows, columns, channels] or none</param>
    /// <param name="rows">Rows of y, up to 4.</param>
    /// <param name="columns">Columns of y, up to 4.</param>
    public abstract void WinogradOutput(
        float* m, nint slot, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate, int rows, int columns);

    /// <summary>w[i, j, k] = (A e A^T)[i, j] of channel k of up to 4 x 4 pixels e of dy, zeros where there are fewer.</summary>
    /// <param name="dy">[rows, columns, channels]</param>
    /// <param name="rows">Rows of dy, up to 4.</param>
    /// <param name="columns">Columns of dy, up to 4.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="w">Slot [0, 0].</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    public abstract void WinogradOutputGradient(PixelGrid dy, int rows, int columns, int channels, float* w, nint slot);

    /// <summary>T[tap, c, k] = (G^T m G)[tap], then gradient += T and squares += T * T.</summary>
    /// <param name="m">[36, rows, width]; T replaces the first nine slots</param>
    /// <param name="slot">Floats from a slot to the next.</param>
    /// <param name="width">Floats from a row to the next.</param>
    /// <param name="rows">Input channels c.</param>
    /// <param name="columns">Output channels k, up to width.</param>
    /// <param name="gradient">At channels (0, 0) of tap 0, or null</param>
    /// <param name="squares">At channels (0, 0) of tap 0, or null</param>
    /// <param name="tap">Floats from a tap to the next.</param>
    /// <param name="channel">Floats from an input channel to the next.</param>
    public abstract void WinogradFilterGradient(
        float* m, nint slot, nint width, int rows, int columns, float* gradient, float* squares, nint tap, nint channel);
}

/// <summary>
/// The transforms of F(4 x 4, 3 x 3) with the points 0, +-P, +-Q and infinity. With D = (x^2 - P^2)(x^2 - Q^2), rows of B^T are the
/// coefficients of x D over (x - point), of G the powers of the point over the same at the point, and A^T has its powers.
/// </summary>
internal sealed unsafe partial class LaneKernels<TLanes, TVector>
{
    private const int Side = Winograd.Side;
    private const float ScaleP = 1f / (2 * Winograd.P * Winograd.P * ((Winograd.P * Winograd.P) - (Winograd.Q * Winograd.Q)));
    private const float ScaleQ = 1f / (2 * Winograd.Q * Winograd.Q * ((Winograd.Q * Winograd.Q) - (Winograd.P * Winograd.P)));

    [SkipLocalsInit]
    public override void WinogradFilter(float* slots, nint length)
    {
        TVector* g = stackalloc TVector[9];
        TVector* columns = stackalloc TVector[3 * Side];
        TVector* row = stackalloc TVector[Side];
        for (nint at = 0; at < length; at += TLanes.Width)
        {
            for (int tap = 0; tap < 9; tap++)
                g[tap] = TLanes.Load(slots + ((Winograd.Slots - 9 + tap) * length) + at);
            for (int s = 0; s < 3; s++)
                TransformFilter(g[s], g[3 + s], g[6 + s], columns + s, 3);
            for (int i = 0; i < Side; i++)
            {
                TransformFilter(columns[3 * i], columns[(3 * i) + 1], columns[(3 * i) + 2], row, 1);
                for (int j = 0; j < Side; j++)
                    TLanes.Store(slots + (((i * Side) + j) * length) + at, row[j]);
            }
        }
    }

    [SkipLocalsInit]
    public override void WinogradInput(PixelGrid x, int channels, float* v, nint slot)
    {
        TVector* t = stackalloc TVector[Winograd.Slots];
        for (int c = 0; c < channels; c += TLanes.Width)
        {
            int left = channels - c;
            for (int j = 0; j < Side; j++)
            {
                float* p = x.Origin + (j * x.Pixel) + c;
                TransformInput(
                    Load(p, left), Load(p + x.Row, left), Load(p + (2 * x.Row), left),
                    Load(p + (3 * x.Row), left), Load(p + (4 * x.Row), left), Load(p + (5 * x.Row), left),
                    out t[j], out t[Side + j], out t[(2 * Side) + j], out t[(3 * Side) + j], out t[(4 * Side) + j], out t[(5 * Side) + j]);
            }
            for (int i = 0; i < Side; i++)
            {
                TVector* d = t + (Side * i);
                TransformInput(d[0], d[1], d[2], d[3], d[4], d[5],
                    out TVector v0, out TVector v1, out TVector v2, out TVector v3, out TVector v4, out TVector v5);
                float* to = v + (Side * i * slot) + c;
                Store(to, v0, left);
                Store(to + slot, v1, left);
                Store(to + (2 * slot), v2, left);
                Store(to + (3 * slot), v3, left);
                Store(to + (4 * slot), v4, left);
                Store(to + (5 * slot), v5, left);
            }
        }
    }

    [SkipLocalsInit]
    public override void WinogradOutput(
        float* m, nint slot, int channels, float* bias, float floor, PixelGrid y, PixelGrid gate, int rows, int columns)
    {
        TVector* t = stackalloc TVector[4 * Side];
        TVector least = TLanes.Broadcast(floor);
        for (int k = 0; k < channels; k += TLanes.Width)
        {
            int left = channels - k;
            TVector start = bias == null ? default : Load(bias + k, left);
            for (int j = 0; j < Side; j++)
            {
                float* p = m + (j * slot) + k;
                TransformOutput(
                    Load(p, left), Load(p + (Side * slot), left), Load(p + (2 * Side * slot), left),
                    Load(p + (3 * Side * slot), left), Load(p + (4 * Side * slot), left), Load(p + (5 * Side * slot), left),
                    out t[j], out t[Side + j], out t[(2 * Side) + j], out t[(3 * Side) + j]);
            }
            for (int i = 0; i < rows; i++)
            {
                TVector* d = t + (Side * i);
                TransformOutput(d[0], d[1], d[2], d[3], d[4], d[5], out TVector y0, out TVector y1, out TVector y2, out TVector y3);
                float* to = y.Origin + (i * y.Row) + k;
                float* by = gate.Origin == null ? null : gate.Origin + (i * gate.Row) + k;
                StorePixel(to, by, TLanes.Add(y0, start), least, left);
                if (columns > 1)
                    StorePixel(to + y.Pixel, by + gate.Pixel, TLanes.Add(y1, start), least, left);
                if (columns > 2)
                    StorePixel(to + (2 * y.Pixel), by + (2 * gate.Pixel), TLanes.Add(y2, start), least, left);
                if (columns > 3)
                    StorePixel(to + (3 * y.Pixel), by + (3 * gate.Pixel), TLanes.Add(y3, start), least, left);
            }
        }
    }

    [SkipLocalsInit]
    public override void WinogradOutputGradient(PixelGrid dy, int rows, int columns, int channels, float* w, nint slot)
    {
        TVector* t = stackalloc TVector[4 * Side];
        for (int k = 0; k < channels; k += TLanes.Width)
        {
            int left = channels - k;
            for (int j = 0; j < 4; j++)
            {
                float* p = dy.Origin + (j * dy.Pixel) + k;
                int there = j < columns ? rows : 0;
                TransformOutputGradient(
                    there > 0 ? Load(p, left) : default, there > 1 ? Load(p + dy.Row, left) : default,
                    there > 2 ? Load(p + (2 * dy.Row), left) : default, there > 3 ? Load(p + (3 * dy.Row), left) : default,
                    out t[j], out t[4 + j], out t[8 + j], out t[12 + j], out t[16 + j], out t[20 + j]);
            }
            for (int i = 0; i < Side; i++)
            {
                TVector* e = t + (4 * i);
                TransformOutputGradient(e[0], e[1], e[2], e[3],
                    out TVector w0, out TVector w1, out TVector w2, out TVector w3, out TVector w4, out TVector w5);
                float* to = w + (Side * i * slot) + k;
                Store(to, w0, left);
                Store(to + slot, w1, left);
                Store(to + (2 * slot), w2, left);
                Store(to + (3 * slot), w3, left);
                Store(to + (4 * slot), w4, left);
                Store(to + (5 * slot), w5, left);
            }
        }
    }

    [SkipLocalsInit]
    public override void WinogradFilterGradient(
        float* m, nint slot, nint width, int rows, int columns, float* gradient, float* squares, nint tap, nint channel)
    {
        TVector* t = stackalloc TVector[3 * Side];
        for (int c = 0; c < rows; c++)
            for (nint at = c * width; at < (c * width) + columns; at += TLanes.Width)
            {
                for (int j = 0; j < Side; j++)
                {
                    float* p = m + (j * slot) + at;
                    TransformFilterGradient(
                        TLanes.Load(p), TLanes.Load(p + (Side * slot)), TLanes.Load(p + (2 * Side * slot)),
                        TLanes.Load(p + (3 * Side * slot)), TLanes.Load(p + (4 * Side * slot)), TLanes.Load(p + (5 * Side * slot)),
                        out t[j], out t[Side + j], out t[(2 * Side) + j]);
                }
                for (int r = 0; r < 3; r++)
                {
                    TVector* d = t + (Side * r);
                    TransformFilterGradient(d[0], d[1], d[2], d[3], d[4], d[5], out TVector g0, out TVector g1, out TVector g2);
                    float* to = m + (3 * r * slot) + at;
                    TLanes.Store(to, g0);
                    TLanes.Store(to + slot, g1);
                    TLanes.Store(to + (2 * slot), g2);
                }
            }

        for (int position = 0; position < 9; position++)
            for (int c = 0; c < rows; c++)
                for (int k = 0; k < columns; k += TLanes.Width)
                {
                    TVector value = TLanes.Load(m + (position * slot) + (c * width) + k);
                    AddWithSquare(gradient, squares, (position * tap) + (c * channel) + k, value, columns - k);
                }
    }

    /// <summary>Without a gate the pointer is null, and its pixels 0 apart, so that it stays null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePixel(float* to, float* gate, TVector value, TVector least, int left) =>
        Store(to, gate == null ? TLanes.Greater(least, value) : TLanes.WherePositive(Load(gate, left), value), left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddWithSquare(float* gradient, float* squares, nint at, TVector value, int left)
    {
        if (gradient != null)
            Store(gradient + at, TLanes.Add(Load(gradient + at, left), value), left);
        if (squares != null)
            Store(squares + at, TLanes.MultiplyAdd(value, value, Load(squares + at, left)), left);
    }

    /// <summary>G g</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformFilter(TVector g0, TVector g1, TVector g2, TVector* to, int step)
    {
        const float P = Winograd.P, Q = Winograd.Q;
        TVector evenP = TLanes.MultiplyAdd(g2, TLanes.Broadcast(P * P), g0), oddP = TLanes.Multiply(g1, TLanes.Broadcast(P));
        TVector evenQ = TLanes.MultiplyAdd(g2, TLanes.Broadcast(Q * Q), g0), oddQ = TLanes.Multiply(g1, TLanes.Broadcast(Q));
        TVector minus = TLanes.Broadcast(-1f);
        to[0] = TLanes.Multiply(g0, TLanes.Broadcast(1f / (P * P * Q * Q)));
        to[step] = TLanes.Multiply(TLanes.Add(evenP, oddP), TLanes.Broadcast(ScaleP));
        to[2 * step] = TLanes.Multiply(TLanes.MultiplyAdd(minus, oddP, evenP), TLanes.Broadcast(ScaleP));
        to[3 * step] = TLanes.Multiply(TLanes.Add(evenQ, oddQ), TLanes.Broadcast(ScaleQ));
        to[4 * step] = TLanes.Multiply(TLanes.MultiplyAdd(minus, oddQ, evenQ), TLanes.Broadcast(ScaleQ));
        to[5 * step] = g2;
    }

    /// <summary>B^T d</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformInput(
        TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, TVector d5,
        out TVector v0, out TVector v1, out TVector v2, out TVector v3, out TVector v4, out TVector v5)
    {
        const float P = Winograd.P, Q = Winograd.Q;
        TVector evenP = TLanes.MultiplyAdd(d2, TLanes.Broadcast(-Q * Q), d4), oddP = TLanes.MultiplyAdd(d1, TLanes.Broadcast(-Q * Q), d3);
        TVector evenQ = TLanes.MultiplyAdd(d2, TLanes.Broadcast(-P * P), d4), oddQ = TLanes.MultiplyAdd(d1, TLanes.Broadcast(-P * P), d3);
        TVector sum = TLanes.Broadcast(-(P * P) - (Q * Q)), product = TLanes.Broadcast(P * P * Q * Q);
        v0 = TLanes.MultiplyAdd(d0, product, TLanes.MultiplyAdd(d2, sum, d4));
        v1 = TLanes.MultiplyAdd(oddP, TLanes.Broadcast(P), evenP);
        v2 = TLanes.MultiplyAdd(oddP, TLanes.Broadcast(-P), evenP);
        v3 = TLanes.MultiplyAdd(oddQ, TLanes.Broadcast(Q), evenQ);
        v4 = TLanes.MultiplyAdd(oddQ, TLanes.Broadcast(-Q), evenQ);
        v5 = TLanes.MultiplyAdd(d1, product, TLanes.MultiplyAdd(d3, sum, d5));
    }

    /// <summary>A^T m</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformOutput(
        TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2, out TVector y3)
    {
        const float P = Winograd.P, Q = Winograd.Q;
        TVector minus = TLanes.Broadcast(-1f);
        TVector evenP = TLanes.Add(m1, m2), oddP = TLanes.MultiplyAdd(minus, m2, m1);
        TVector evenQ = TLanes.Add(m3, m4), oddQ = TLanes.MultiplyAdd(minus, m4, m3);
        y0 = TLanes.Add(m0, TLanes.Add(evenP, evenQ));
        y1 = TLanes.MultiplyAdd(oddP, TLanes.Broadcast(P), TLanes.Multiply(oddQ, TLanes.Broadcast(Q)));
        y2 = TLanes.MultiplyAdd(evenP, TLanes.Broadcast(P * P), TLanes.Multiply(evenQ, TLanes.Broadcast(Q * Q)));
        y3 = TLanes.MultiplyAdd(oddP, TLanes.Broadcast(P * P * P), TLanes.MultiplyAdd(oddQ, TLanes.Broadcast(Q * Q * Q), m5));
    }

    /// <summary>A e</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformOutputGradient(
        TVector e0, TVector e1, TVector e2, TVector e3,
        out TVector w0, out TVector w1, out TVector w2, out TVector w3, out TVector w4, out TVector w5)
    {
        const float P = Winograd.P, Q = Winograd.Q;
        TVector evenP = TLanes.MultiplyAdd(e2, TLanes.Broadcast(P * P), e0), evenQ = TLanes.MultiplyAdd(e2, TLanes.Broadcast(Q * Q), e0);
        TVector oddP = TLanes.MultiplyAdd(e3, TLanes.Broadcast(P * P), e1), oddQ = TLanes.MultiplyAdd(e3, TLanes.Broadcast(Q * Q), e1);
        w0 = e0;
        w1 = TLanes.MultiplyAdd(oddP, TLanes.Broadcast(P), evenP);
        w2 = TLanes.MultiplyAdd(oddP, TLanes.Broadcast(-P), evenP);
        w3 = TLanes.MultiplyAdd(oddQ, TLanes.Broadcast(Q), evenQ);
        w4 = TLanes.MultiplyAdd(oddQ, TLanes.Broadcast(-Q), evenQ);
        w5 = e3;
    }

    /// <summary>G^T m</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformFilterGradient(
        TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5, out TVector g0, out TVector g1, out TVector g2)
    {
        const float P = Winograd.P, Q = Winograd.Q;
        TVector minus = TLanes.Broadcast(-1f), scaleP = TLanes.Broadcast(ScaleP), scaleQ = TLanes.Broadcast(ScaleQ);
        TVector evenP = TLanes.Multiply(TLanes.Add(m1, m2), scaleP), oddP = TLanes.Multiply(TLanes.MultiplyAdd(minus, m2, m1), scaleP);
        TVector evenQ = TLanes.Multiply(TLanes.Add(m3, m4), scaleQ), oddQ = TLanes.Multiply(TLanes.MultiplyAdd(minus, m4, m3), scaleQ);
        g0 = TLanes.MultiplyAdd(m0, TLanes.Broadcast(1f / (P * P * Q * Q)), TLanes.Add(evenP, evenQ));
        g1 = TLanes.MultiplyAdd(oddP, TLanes.Broadcast(P), TLanes.Multiply(oddQ, TLanes.Broadcast(Q)));
        g2 = TLanes.MultiplyAdd(evenP, TLanes.Broadcast(P * P), TLanes.MultiplyAdd(evenQ, TLanes.Broadcast(Q * Q), m5));
    }
}
