using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

internal abstract unsafe partial class LaneKernels
{
    /// <inheritdoc cref="Pooling.MaxForward"/>
    public abstract void MaxForward(PoolingGeometry g, ImagePlane x, ImagePlane y);

    /// <inheritdoc cref="Pooling.MaxBackward"/>
    public abstract void MaxBackward(PoolingGeometry g, ImagePlane x, ImagePlane y, ImagePlane dy, ImagePlane dx, bool rectified);

    /// <summary>y = max(0, y)</summary>
    public abstract void Rectify(float* y, int length);

    /// <summary>dy = y &gt; 0 ? dy : 0</summary>
    public abstract void RectifyBackward(float* y, float* dy, int length);
}

internal sealed unsafe partial class LaneKernels<TLanes, TVector>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void MaxForward(PoolingGeometry g, ImagePlane x, ImagePlane y)
    {
        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
            {
                PoolingWindow window = g.Window(i, j);
                float* to = y.Origin + (i * y.RowStride) + ((nint)j * g.C);
                for (int c = 0; c < g.C; c += TLanes.Width)
                {
                    float* corner = x.Origin + (window.Top * x.RowStride) + ((nint)window.Left * g.C) + c;
                    TVector best = Load(corner, g.C - c);
                    for (int r = 0; r < window.Rows; r++)
                        for (int s = 0; s < window.Columns; s++)
                            best = TLanes.Greater(Load(corner + (r * x.RowStride) + ((nint)s * g.C), g.C - c), best);
                    Store(to + c, best, g.C - c);
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void MaxBackward(PoolingGeometry g, ImagePlane x, ImagePlane y, ImagePlane dy, ImagePlane dx, bool rectified)
    {
        bool once = g.CoversOnce;
        for (int i = 0; i < g.H && !once; i++)
            new Span<float>(dx.Origin + (i * dx.RowStride), g.W * g.C).Clear();

        for (int i = 0; i < g.OutH; i++)
            for (int j = 0; j < g.OutW; j++)
            {
                PoolingWindow window = g.Window(i, j);
                for (int c = 0; c < g.C; c += TLanes.Width)
                {
                    int left = g.C - c;
                    TVector best = Load(y.Origin + (i * y.RowStride) + ((nint)j * g.C) + c, left);
                    TVector gradient = Load(dy.Origin + (i * dy.RowStride) + ((nint)j * g.C) + c, left);
                    if (rectified)
                        gradient = TLanes.WherePositive(best, gradient);
                    for (int r = window.Top; r < window.Top + window.Rows; r++)
                        for (int s = window.Left; s < window.Left + window.Columns; s++)
                        {
                            TVector value = Load(x.Origin + (r * x.RowStride) + ((nint)s * g.C) + c, left);
                            TVector here = TLanes.WhereEqual(value, best, gradient, default);
                            gradient = TLanes.WhereEqual(value, best, default, gradient);
                            float* to = dx.Origin + (r * dx.RowStride) + ((nint)s * g.C) + c;
                            Store(to, once ? here : TLanes.Add(Load(to, left), here), left);
                        }
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Rectify(float* y, int length)
    {
        TVector zero = default;
        for (int i = 0; i < length; i += TLanes.Width)
            Store(y + i, TLanes.Greater(zero, Load(y + i, length - i)), length - i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void RectifyBackward(float* y, float* dy, int length)
    {
        for (int i = 0; i < length; i += TLanes.Width)
            Store(dy + i, TLanes.WherePositive(Load(y + i, length - i), Load(dy + i, length - i)), length - i);
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
