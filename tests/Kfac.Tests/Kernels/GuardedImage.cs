using System.Runtime.InteropServices;
using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

/// <summary>
/// An image [H, W, C] in native memory: zeros in the halo a kernel may read, NaN everywhere else around it and, for an output,
/// in it. A stray read shows as NaN in a result, a stray write as a NaN that is gone.
/// </summary>
internal sealed unsafe class GuardedImage : IDisposable
{
    private const int Guard = 64;

    private readonly int _h, _w, _c, _length;
    private readonly float* _memory;

    public GuardedImage(int h, int w, int c, Halo halo, int extraRowFloats = 0)
    {
        (_h, _w, _c) = (h, w, c);
        nint row = (halo.Left + w + halo.Right) * c + extraRowFloats;
        int rows = halo.Top + h + halo.Bottom;
        // The last row ends with its last readable float: what follows is guard already.
        _length = (int)(Guard + rows * row + Guard);
        _memory = (float*)NativeMemory.AlignedAlloc((nuint)_length * sizeof(float), 64);
        new Span<float>(_memory, _length).Fill(float.NaN);
        for (int i = 0; i < rows; i++)
            new Span<float>(_memory + Guard + i * row, (int)row - extraRowFloats).Clear();
        Plane = new ImagePlane(_memory + Guard + halo.Top * row + halo.Left * c, row);
        InteriorIs(float.NaN);
    }

    public ImagePlane Plane { get; }

    public static GuardedImage Of(int h, int w, int c, Halo halo, double[] values, int extraRowFloats = 0)
    {
        GuardedImage image = new(h, w, c, halo, extraRowFloats);
        for (int i = 0; i < h; i++)
            for (int j = 0; j < w * c; j++)
                image.Plane.Origin[i * image.Plane.RowStride + j] = (float)values[i * w * c + j];
        return image;
    }

    public double[] Interior()
    {
        double[] values = new double[_h * _w * _c];
        for (int i = 0; i < values.Length; i++)
            values[i] = Plane.Origin[i / (_w * _c) * Plane.RowStride + i % (_w * _c)];
        return values;
    }

    /// <summary>The bits of everything but the interior.</summary>
    public int[] Surroundings()
    {
        float[] all = new Span<float>(_memory, _length).ToArray();
        nint origin = (nint)(Plane.Origin - _memory);
        for (int i = 0; i < _h; i++)
            Array.Clear(all, (int)(origin + i * Plane.RowStride), _w * _c);
        return Array.ConvertAll(all, BitConverter.SingleToInt32Bits);
    }

    public void Dispose() => NativeMemory.AlignedFree(_memory);

    private void InteriorIs(float value)
    {
        for (int i = 0; i < _h; i++)
            new Span<float>(Plane.Origin + i * Plane.RowStride, _w * _c).Fill(value);
    }
}

/// <summary>Floats in native memory with NaN before, behind and, at first, inside.</summary>
internal sealed unsafe class GuardedFloats : IDisposable
{
    private const int Guard = 64;

    private readonly float* _memory;

    public GuardedFloats(int length)
    {
        Length = length;
        _memory = (float*)NativeMemory.AlignedAlloc((nuint)(length + 2 * Guard) * sizeof(float), 64);
        new Span<float>(_memory, length + 2 * Guard).Fill(float.NaN);
    }

    public int Length { get; }

    public float* Pointer => _memory + Guard;

    public Span<float> Span => new(Pointer, Length);

    /// <summary>Whether the guards still hold what was written there first.</summary>
    public bool IsIntact =>
        !new Span<float>(_memory, Guard).ContainsAnyExcept(float.NaN) && !new Span<float>(Pointer + Length, Guard).ContainsAnyExcept(float.NaN);

    public static GuardedFloats Of(double[] values)
    {
        GuardedFloats floats = new(values.Length);
        for (int i = 0; i < values.Length; i++)
            floats.Pointer[i] = (float)values[i];
        return floats;
    }

    public double[] ToDoubles() => Array.ConvertAll(Span.ToArray(), v => (double)v);

    public void Dispose() => NativeMemory.AlignedFree(_memory);
}
