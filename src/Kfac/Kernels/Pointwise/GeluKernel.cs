using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>GELU by its tanh approximation on contiguous runs, and its backward pass.</summary>
internal static unsafe class GeluKernel
{
    /// <summary>y = x/2 (1 + tanh u), u = √(2/π) (x + 0.044715 x³)</summary>
    /// <param name="x">The input.</param>
    /// <param name="y">Overwritten; may be x.</param>
    /// <param name="isa">Forces an instruction set.</param>
    public static void Forward(ReadOnlySpan<float> x, Span<float> y, InstructionSet? isa = null)
    {
        Debug.Assert(x.Length == y.Length);
        fixed (float* p = x, q = y)
            LaneKernels.For(isa ?? InstructionSets.Current).Gelu(p, q, x.Length);
    }

    /// <summary>dx = dy dy/dx, of the same.</summary>
    /// <param name="x">The input.</param>
    /// <param name="dy">The output's gradient.</param>
    /// <param name="dx">Overwritten; may be dy.</param>
    /// <param name="isa">Forces an instruction set.</param>
    public static void Backward(ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, InstructionSet? isa = null)
    {
        Debug.Assert(x.Length == dy.Length && x.Length == dx.Length);
        fixed (float* p = x, q = dy, r = dx)
            LaneKernels.For(isa ?? InstructionSets.Current).GeluBackward(p, q, r, x.Length);
    }
}
