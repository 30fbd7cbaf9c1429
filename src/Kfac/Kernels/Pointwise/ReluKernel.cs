using System.Diagnostics;

namespace Kfac.Kernels;

/// <summary>max(0, x) on contiguous runs, and its backward pass.</summary>
internal static unsafe class ReluKernel
{
    /// <summary>y = max(0, y)</summary>
    /// <param name="y">in place</param>
    /// <param name="isa">Forces an instruction set.</param>
    public static void Forward(Span<float> y, InstructionSet? isa = null)
    {
        fixed (float* p = y)
            LaneKernels.For(isa ?? InstructionSets.Current).Relu(p, y.Length);
    }

    /// <summary>dy = y &gt; 0 ? dy : 0</summary>
    /// <param name="y">The ReLU's output.</param>
    /// <param name="dy">in place</param>
    /// <param name="isa">Forces an instruction set.</param>
    public static void Backward(ReadOnlySpan<float> y, Span<float> dy, InstructionSet? isa = null)
    {
        Debug.Assert(y.Length == dy.Length);
        fixed (float* p = y, q = dy)
            LaneKernels.For(isa ?? InstructionSets.Current).ReluBackward(p, q, dy.Length);
    }
}
