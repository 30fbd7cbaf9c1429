using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

internal abstract unsafe partial class LaneKernels
{
    /// <inheritdoc cref="Pooling.MaxForward"/>
    public abstract void MaxForward(PoolingGeometry g, ImagePlane x, ImagePlane y, ImagePlane winners, bool rectified);

    /// <inheritdoc cref="Pooling.MaxBackward"/>
    public abstract void MaxBackward(PoolingGeometry g, ImagePlane winners, ImagePlane dy, ImagePlane dx);

    /// <summary>gradient += t, squares += t * t</summary>
    /// <param name="t">[length], readable to the end of its last vector</param>
    /// <param name="gradient">[length], or null</param>
    /// <param name="squares">[length], or null</param>
    /// <param name="length">Floats.</param>
    public abstract void AddWithSquares(float* t, float* gradient, float* squares, int length);

    /// <summary>y = factor * y, and 0 if the factor is, whatever y was.</summary>
    public abstract void Scale(float* y, int length, float factor);

    /// <summary>y = x σ(z), z = 2 √(2/π) (x + 0.044715 x³), which is GELU's x/2 (1 + tanh(z/2)).</summary>
    /// <param name="x">[length]</param>
    /// <param name="y">[length], overwritten; may be x</param>
    /// <param name="length">Floats.</param>
    public abstract void Gelu(float* x, float* y, int length);

    /// <summary>dx = dy σ(z) (1 + x (1 - σ(z)) dz/dx)</summary>
    /// <param name="x">[length]</param>
    /// <param name="dy">[length]</param>
    /// <param name="dx">[length], overwritten; may be dy</param>
    /// <param name="length">Floats.</param>
    public abstract void GeluBackward(float* x, float* dy, float* dx, int length);

    /// <summary>y = max(0, y)</summary>
    public abstract void Relu(float* y, int length);

    /// <summary>dy = y &gt; 0 ? dy : 0</summary>
    public abstract void ReluBackward(float* y, float* dy, int length);
}

internal sealed unsafe partial class LaneKernels<TLanes, TVector>
{
    public override void MaxForward(PoolingGeometry g, ImagePlane x, ImagePlane y, ImagePlane winners, bool rectified)
    {
        int whole = g.C / TLanes.Width * TLanes.Width;
        MaxForward<OneVector>(g, x, y, winners, rectified, 0, whole);
        if (whole < g.C)
            MaxForward<PartialVector>(g, x, y, winners, rectified, whole, g.C);
    }

    public override void MaxBackward(PoolingGeometry g, ImagePlane winners, ImagePlane dy, ImagePlane dx)
    {
        bool once = g.CoversOnce;
        for (int i = 0; i < g.H && !once; i++)
            new Span<float>(dx.Origin + (i * dx.RowStride), g.W * g.C).Clear();

        int whole = g.C / TLanes.Width * TLanes.Width;
        MaxBackward<OneVector>(g, winners, dy, dx, once, 0, whole);
        if (whole < g.C)
            MaxBackward<PartialVector>(g, winners, dy, dx, once, whole, g.C);
    }

    /// <summary>Channels from <paramref name="first"/> to <paramref name="end"/>. A winner is its pixel's number in the window, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MaxForward<TColumns>(PoolingGeometry g, ImagePlane x, ImagePlane y, ImagePlane winners, bool rectified, int first, int end)
        where TColumns : struct, IColumns
    {
        nint pixel = g.C;
        TVector none = TLanes.Broadcast(-1f), one = TLanes.Broadcast(1f), two = TLanes.Broadcast(2f), three = TLanes.Broadcast(3f);
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
            {
                PoolingWindow window = g.Window(i, j);
                float* corner = x.Origin + (window.Top * x.RowStride) + (window.Left * pixel);
                float* to = y.Origin + (i * y.RowStride) + (j * pixel), winner = winners.Origin + (i * winners.RowStride) + (j * pixel);
                if (window is { Rows: 2, Columns: 2 })
                {
                    for (int c = first; c < end; c += TLanes.Width)
                    {
                        int left = end - c;
                        float* row = corner + c, below = row + x.RowStride;
                        TVector x0 = LoadPart<TColumns>(row, left), x1 = LoadPart<TColumns>(row + pixel, left);
                        TVector x2 = LoadPart<TColumns>(below, left), x3 = LoadPart<TColumns>(below + pixel, left);
                        TVector best = TLanes.Max(x3, TLanes.Max(x2, TLanes.Max(x1, x0)));
                        StorePart<TColumns>(to + c, best, left);
                        if (winners.IsNone)
                            continue;
                        TVector which = TLanes.WhereEqual(x2, best, two, TLanes.WhereEqual(x3, best, three, none));
                        which = TLanes.WhereEqual(x0, best, default, TLanes.WhereEqual(x1, best, one, which));
                        StorePart<TColumns>(winner + c, rectified ? TLanes.WhereEqual(TLanes.WherePositive(best, one), one, which, none) : which, left);
                    }
                    continue;
                }
                for (int c = first; c < end; c += TLanes.Width)
                {
                    int left = end - c;
                    float* row = corner + c;
                    TVector best = LoadPart<TColumns>(row, left);
                    for (int r = 0; r < window.Rows; r++, row += x.RowStride)
                        for (int s = 0; s < window.Columns; s++)
                            best = TLanes.Max(LoadPart<TColumns>(row + (s * pixel), left), best);
                    StorePart<TColumns>(to + c, best, left);
                    if (winners.IsNone)
                        continue;
                    TVector which = none;
                    float number = (window.Rows * window.Columns) - 1;
                    for (int r = window.Rows - 1; r >= 0; r--)
                    {
                        row -= x.RowStride;
                        for (int s = window.Columns - 1; s >= 0; s--, number--)
                            which = TLanes.WhereEqual(LoadPart<TColumns>(row + (s * pixel), left), best, TLanes.Broadcast(number), which);
                    }
                    StorePart<TColumns>(winner + c, rectified ? TLanes.WhereEqual(TLanes.WherePositive(best, one), one, which, none) : which, left);
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MaxBackward<TColumns>(PoolingGeometry g, ImagePlane winners, ImagePlane dy, ImagePlane dx, bool once, int first, int end)
        where TColumns : struct, IColumns
    {
        nint pixel = g.C;
        TVector one = TLanes.Broadcast(1f), two = TLanes.Broadcast(2f), three = TLanes.Broadcast(3f);
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
            {
                PoolingWindow window = g.Window(i, j);
                float* corner = dx.Origin + (window.Top * dx.RowStride) + (window.Left * pixel);
                float* winner = winners.Origin + (i * winners.RowStride) + (j * pixel), gradients = dy.Origin + (i * dy.RowStride) + (j * pixel);
                if (once && window is { Rows: 2, Columns: 2 })
                {
                    for (int c = first; c < end; c += TLanes.Width)
                    {
                        int left = end - c;
                        TVector which = LoadPart<TColumns>(winner + c, left), gradient = LoadPart<TColumns>(gradients + c, left);
                        float* row = corner + c, below = row + dx.RowStride;
                        StorePart<TColumns>(row, TLanes.WhereEqual(which, default, gradient, default), left);
                        StorePart<TColumns>(row + pixel, TLanes.WhereEqual(which, one, gradient, default), left);
                        StorePart<TColumns>(below, TLanes.WhereEqual(which, two, gradient, default), left);
                        StorePart<TColumns>(below + pixel, TLanes.WhereEqual(which, three, gradient, default), left);
                    }
                    continue;
                }
                for (int c = first; c < end; c += TLanes.Width)
                {
                    int left = end - c;
                    TVector which = LoadPart<TColumns>(winner + c, left), gradient = LoadPart<TColumns>(gradients + c, left);
                    float* row = corner + c;
                    float number = 0;
                    for (int r = 0; r < window.Rows; r++, row += dx.RowStride)
                        for (int s = 0; s < window.Columns; s++, number++)
                        {
                            TVector here = TLanes.WhereEqual(which, TLanes.Broadcast(number), gradient, default);
                            float* to = row + (s * pixel);
                            StorePart<TColumns>(to, once ? here : TLanes.Add(LoadPart<TColumns>(to, left), here), left);
                        }
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Scale(float* y, int length, float factor)
    {
        if (factor == 0)
        {
            new Span<float>(y, length).Clear();
            return;
        }
        TVector all = TLanes.Broadcast(factor);
        for (int i = 0; i < length; i += TLanes.Width)
            Store(y + i, TLanes.Multiply(all, Load(y + i, length - i)), length - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Relu(float* y, int length)
    {
        TVector zero = default;
        for (int i = 0; i < length; i += TLanes.Width)
            Store(y + i, TLanes.Max(zero, Load(y + i, length - i)), length - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void ReluBackward(float* y, float* dy, int length)
    {
        for (int i = 0; i < length; i += TLanes.Width)
            Store(dy + i, TLanes.WherePositive(Load(y + i, length - i), Load(dy + i, length - i)), length - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void AddWithSquares(float* t, float* gradient, float* squares, int length)
    {
        int i = 0;
        for (; i <= length - TLanes.Width; i += TLanes.Width)
        {
            TVector value = TLanes.Load(t + i);
            if (gradient != null)
                TLanes.Store(gradient + i, TLanes.Add(TLanes.Load(gradient + i), value));
            if (squares != null)
                TLanes.Store(squares + i, TLanes.MultiplyAdd(value, value, TLanes.Load(squares + i)));
        }
        int left = length - i;
        if (left == 0)
            return;
        TVector last = TLanes.Load(t + i);
        if (gradient != null)
            TLanes.StoreFirst(gradient + i, TLanes.Add(TLanes.LoadFirst(gradient + i, left), last), left);
        if (squares != null)
            TLanes.StoreFirst(squares + i, TLanes.MultiplyAdd(last, last, TLanes.LoadFirst(squares + i, left)), left);
    }

    /// <summary>A vector, or what there is of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Load(float* from, int left) => left >= TLanes.Width ? TLanes.Load(from) : TLanes.LoadFirst(from, left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, TVector value, int left)
    {
        if (left >= TLanes.Width)
            TLanes.Store(to, value);
        else
            TLanes.StoreFirst(to, value, left);
    }
}
