using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Kfac.Kernels;

namespace Kfac.Bench.Kernels;

/// <summary>The machine's limit with the vectors of an instruction set (scalar: 128 bits): multiply-adds a second when nothing has to be loaded.</summary>
internal static class FmaPeak
{
    private const int Chains = 12, Rounds = 200_000;

    /// <summary>GFLOP/s of all threads together, the best of several tries.</summary>
    public static double Measure(Team team, InstructionSet isa)
    {
        (int lanes, Action spin) = isa switch
        {
            InstructionSet.Avx512 => (16, Spin512),
            InstructionSet.Avx2 => (8, Spin256),
            _ => (4, (Action)Spin128),
        };
        double best = 0;
        for (int attempt = 0; attempt < 30; attempt++)
        {
            double seconds = team.Time(_ => spin());
            best = Math.Max(best, 2.0 * Chains * lanes * Rounds * team.Threads / seconds / 1e9);
        }
        return best;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Spin512()
    {
        Vector512<float> a = Vector512.Create(0.999f), x = Vector512.Create(0.001f);
        Vector512<float> s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;
        for (int i = 0; i < Rounds; i++)
        {
            s0 = Vector512.FusedMultiplyAdd(s0, a, x); s1 = Vector512.FusedMultiplyAdd(s1, a, x); s2 = Vector512.FusedMultiplyAdd(s2, a, x);
            s3 = Vector512.FusedMultiplyAdd(s3, a, x); s4 = Vector512.FusedMultiplyAdd(s4, a, x); s5 = Vector512.FusedMultiplyAdd(s5, a, x);
            s6 = Vector512.FusedMultiplyAdd(s6, a, x); s7 = Vector512.FusedMultiplyAdd(s7, a, x); s8 = Vector512.FusedMultiplyAdd(s8, a, x);
            s9 = Vector512.FusedMultiplyAdd(s9, a, x); s10 = Vector512.FusedMultiplyAdd(s10, a, x); s11 = Vector512.FusedMultiplyAdd(s11, a, x);
        }
        Keep((s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11).ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Spin256()
    {
        Vector256<float> a = Vector256.Create(0.999f), x = Vector256.Create(0.001f);
        Vector256<float> s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;
        for (int i = 0; i < Rounds; i++)
        {
            s0 = Fma.MultiplyAdd(s0, a, x); s1 = Fma.MultiplyAdd(s1, a, x); s2 = Fma.MultiplyAdd(s2, a, x);
            s3 = Fma.MultiplyAdd(s3, a, x); s4 = Fma.MultiplyAdd(s4, a, x); s5 = Fma.MultiplyAdd(s5, a, x);
            s6 = Fma.MultiplyAdd(s6, a, x); s7 = Fma.MultiplyAdd(s7, a, x); s8 = Fma.MultiplyAdd(s8, a, x);
            s9 = Fma.MultiplyAdd(s9, a, x); s10 = Fma.MultiplyAdd(s10, a, x); s11 = Fma.MultiplyAdd(s11, a, x);
        }
        Keep((s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11).ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Spin128()
    {
        Vector128<float> a = Vector128.Create(0.999f), x = Vector128.Create(0.001f);
        Vector128<float> s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;
        for (int i = 0; i < Rounds; i++)
        {
            s0 = Vector128.MultiplyAddEstimate(s0, a, x); s1 = Vector128.MultiplyAddEstimate(s1, a, x); s2 = Vector128.MultiplyAddEstimate(s2, a, x);
            s3 = Vector128.MultiplyAddEstimate(s3, a, x); s4 = Vector128.MultiplyAddEstimate(s4, a, x); s5 = Vector128.MultiplyAddEstimate(s5, a, x);
            s6 = Vector128.MultiplyAddEstimate(s6, a, x); s7 = Vector128.MultiplyAddEstimate(s7, a, x); s8 = Vector128.MultiplyAddEstimate(s8, a, x);
            s9 = Vector128.MultiplyAddEstimate(s9, a, x); s10 = Vector128.MultiplyAddEstimate(s10, a, x); s11 = Vector128.MultiplyAddEstimate(s11, a, x);
        }
        Keep((s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11).ToScalar());
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Keep(float value) => Debug.Assert(float.IsFinite(value));
}
