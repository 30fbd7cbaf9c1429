using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

/// <summary>A part of a map: some of its rows.</summary>
/// <param name="Rows">How many.</param>
/// <param name="Columns">Pixels of a row.</param>
/// <param name="Channels">Values of a pixel, one behind the other.</param>
internal readonly record struct MapRows(int Rows, int Columns, int Channels);

internal abstract unsafe partial class LaneKernels
{
    /// <summary>sums[c] = sum of (x - mean[c])²</summary>
    /// <param name="g">Which rows x has.</param>
    /// <param name="x">The map.</param>
    /// <param name="mean">[C]</param>
    /// <param name="sums">[C], overwritten</param>
    public abstract void SumDeviations(MapRows g, ImagePlane x, float* mean, float* sums);

    /// <summary>sums[c] = sum of dy, products[c] = sum of dy · (x - mean[c])</summary>
    /// <param name="g">Which rows x and dy have.</param>
    /// <param name="x">The map.</param>
    /// <param name="dy">The gradient of the map that x became.</param>
    /// <param name="mean">[C]</param>
    /// <param name="sums">[C], overwritten</param>
    /// <param name="products">[C], overwritten</param>
    public abstract void SumProducts(MapRows g, ImagePlane x, ImagePlane dy, float* mean, float* sums, float* products);

    /// <summary>y = (x - mean[c]) · scale[c] + shift[c], and 0 in place of what is negative, if wanted.</summary>
    /// <param name="g">Which rows x and y have.</param>
    /// <param name="x">The map.</param>
    /// <param name="y">Overwritten; may be x.</param>
    /// <param name="mean">[C]</param>
    /// <param name="scale">[C]</param>
    /// <param name="shift">[C]</param>
    /// <param name="relu">Whether negative y become 0.</param>
    public abstract void Normalize(MapRows g, ImagePlane x, ImagePlane y, float* mean, float* scale, float* shift, bool relu);

    /// <summary>dx = dy · scale[c] + (x - mean[c]) · slope[c] + offset[c]</summary>
    /// <param name="g">Which rows x, dy and dx have.</param>
    /// <param name="x">The map.</param>
    /// <param name="dy">The gradient of the map that x became.</param>
    /// <param name="dx">Overwritten.</param>
    /// <param name="mean">[C]</param>
    /// <param name="scale">[C]</param>
    /// <param name="slope">[C]</param>
    /// <param name="offset">[C]</param>
    public abstract void NormalizeBackward(MapRows g, ImagePlane x, ImagePlane dy, ImagePlane dx, float* mean, float* scale, float* slope, float* offset);
}

// Each goes over the pixels for a vector of channels at a time, whose constants and sums stay in registers; sums are four chains.
internal sealed unsafe partial class LaneKernels<TLanes, TVector>
{
    public override void SumDeviations(MapRows g, ImagePlane x, float* mean, float* sums)
    {
        int whole = g.Channels / TLanes.Width * TLanes.Width;
        SumDeviations<OneVector>(g, x, mean, sums, 0, whole);
        SumDeviations<PartialVector>(g, x, mean, sums, whole, g.Channels);
    }

    public override void SumProducts(MapRows g, ImagePlane x, ImagePlane dy, float* mean, float* sums, float* products)
    {
        int whole = g.Channels / TLanes.Width * TLanes.Width;
        SumProducts<OneVector>(g, x, dy, mean, sums, products, 0, whole);
        SumProducts<PartialVector>(g, x, dy, mean, sums, products, whole, g.Channels);
    }

    public override void Normalize(MapRows g, ImagePlane x, ImagePlane y, float* mean, float* scale, float* shift, bool relu)
    {
        int whole = g.Channels / TLanes.Width * TLanes.Width;
        Normalize<OneVector>(g, x, y, mean, scale, shift, relu, 0, whole);
        Normalize<PartialVector>(g, x, y, mean, scale, shift, relu, whole, g.Channels);
    }

    public override void NormalizeBackward(MapRows g, ImagePlane x, ImagePlane dy, ImagePlane dx, float* mean, float* scale, float* slope, float* offset)
    {
        int whole = g.Channels / TLanes.Width * TLanes.Width;
        NormalizeBackward<OneVector>(g, x, dy, dx, mean, scale, slope, offset, 0, whole);
        NormalizeBackward<PartialVector>(g, x, dy, dx, mean, scale, slope, offset, whole, g.Channels);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumDeviations<TColumns>(MapRows g, ImagePlane x, float* mean, float* sums, int first, int end)
        where TColumns : struct, IColumns
    {
        nint pixel = g.Channels;
        for (int c = first; c < end; c += TLanes.Width)
        {
            int left = end - c;
            TVector center = LoadPart<TColumns>(mean + c, left), s0 = default, s1 = default, s2 = default, s3 = default;
            for (int i = 0; i < g.Rows; i++)
            {
                float* p = x.Origin + (i * x.RowStride) + c;
                int j = 0;
                for (; j < g.Columns - 3; j += 4, p += 4 * pixel)
                {
                    s0 = AddSquare<TColumns>(p, left, center, s0);
                    s1 = AddSquare<TColumns>(p + pixel, left, center, s1);
                    s2 = AddSquare<TColumns>(p + (2 * pixel), left, center, s2);
                    s3 = AddSquare<TColumns>(p + (3 * pixel), left, center, s3);
                }
                for (; j < g.Columns; j++, p += pixel)
                    s0 = AddSquare<TColumns>(p, left, center, s0);
            }
            StorePart<TColumns>(sums + c, TLanes.Add(TLanes.Add(s0, s1), TLanes.Add(s2, s3)), left);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector AddSquare<TColumns>(float* pixel, int left, TVector center, TVector sum)
        where TColumns : struct, IColumns
    {
        TVector difference = TLanes.Subtract(LoadPart<TColumns>(pixel, left), center);
        return TLanes.MultiplyAdd(difference, difference, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumProducts<TColumns>(MapRows g, ImagePlane x, ImagePlane dy, float* mean, float* sums, float* products, int first, int end)
        where TColumns : struct, IColumns
    {
        nint pixel = g.Channels;
        for (int c = first; c < end; c += TLanes.Width)
        {
            int left = end - c;
            TVector center = LoadPart<TColumns>(mean + c, left);
            TVector s0 = default, s1 = default, s2 = default, s3 = default, p0 = default, p1 = default, p2 = default, p3 = default;
            for (int i = 0; i < g.Rows; i++)
            {
                float* p = x.Origin + (i * x.RowStride) + c, q = dy.Origin + (i * dy.RowStride) + c;
                int j = 0;
                for (; j < g.Columns - 3; j += 4, p += 4 * pixel, q += 4 * pixel)
                {
                    AddProduct<TColumns>(p, q, left, center, ref s0, ref p0);
                    AddProduct<TColumns>(p + pixel, q + pixel, left, center, ref s1, ref p1);
                    AddProduct<TColumns>(p + (2 * pixel), q + (2 * pixel), left, center, ref s2, ref p2);
                    AddProduct<TColumns>(p + (3 * pixel), q + (3 * pixel), left, center, ref s3, ref p3);
                }
                for (; j < g.Columns; j++, p += pixel, q += pixel)
                    AddProduct<TColumns>(p, q, left, center, ref s0, ref p0);
            }
            StorePart<TColumns>(sums + c, TLanes.Add(TLanes.Add(s0, s1), TLanes.Add(s2, s3)), left);
            StorePart<TColumns>(products + c, TLanes.Add(TLanes.Add(p0, p1), TLanes.Add(p2, p3)), left);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProduct<TColumns>(float* pixel, float* gradient, int left, TVector center, ref TVector sum, ref TVector product)
        where TColumns : struct, IColumns
    {
        TVector dy = LoadPart<TColumns>(gradient, left);
        sum = TLanes.Add(sum, dy);
        product = TLanes.MultiplyAdd(TLanes.Subtract(LoadPart<TColumns>(pixel, left), center), dy, product);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Normalize<TColumns>(MapRows g, ImagePlane x, ImagePlane y, float* mean, float* scale, float* shift, bool relu, int first, int end)
        where TColumns : struct, IColumns
    {
        nint pixel = g.Channels;
        TVector floor = relu ? default : TLanes.Broadcast(float.NegativeInfinity);
        for (int c = first; c < end; c += TLanes.Width)
        {
            int left = end - c;
            TVector center = LoadPart<TColumns>(mean + c, left), factor = LoadPart<TColumns>(scale + c, left), addend = LoadPart<TColumns>(shift + c, left);
            for (int i = 0; i < g.Rows; i++)
            {
                float* p = x.Origin + (i * x.RowStride) + c, q = y.Origin + (i * y.RowStride) + c;
                for (int j = 0; j < g.Columns; j++, p += pixel, q += pixel)
                {
                    TVector value = TLanes.MultiplyAdd(TLanes.Subtract(LoadPart<TColumns>(p, left), center), factor, addend);
                    StorePart<TColumns>(q, TLanes.Max(floor, value), left);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NormalizeBackward<TColumns>(
        MapRows g, ImagePlane x, ImagePlane dy, ImagePlane dx, float* mean, float* scale, float* slope, float* offset, int first, int end)
        where TColumns : struct, IColumns
    {
        nint pixel = g.Channels;
        for (int c = first; c < end; c += TLanes.Width)
        {
            int left = end - c;
            TVector center = LoadPart<TColumns>(mean + c, left), factor = LoadPart<TColumns>(scale + c, left);
            TVector ofX = LoadPart<TColumns>(slope + c, left), addend = LoadPart<TColumns>(offset + c, left);
            for (int i = 0; i < g.Rows; i++)
            {
                float* p = x.Origin + (i * x.RowStride) + c, q = dy.Origin + (i * dy.RowStride) + c, to = dx.Origin + (i * dx.RowStride) + c;
                for (int j = 0; j < g.Columns; j++, p += pixel, q += pixel, to += pixel)
                {
                    TVector rest = TLanes.MultiplyAdd(TLanes.Subtract(LoadPart<TColumns>(p, left), center), ofX, addend);
                    StorePart<TColumns>(to, TLanes.MultiplyAdd(LoadPart<TColumns>(q, left), factor, rest), left);
                }
            }
        }
    }
}
