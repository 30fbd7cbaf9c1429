using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

internal sealed unsafe partial class LaneKernels<TLanes, TVector>
{
    /// <summary>z = x (Linear + Cubic x²)</summary>
    private const float Linear = 1.5957691216f, Cubic = 0.0713548163f;

    /// <summary>Beyond it σ(z) is 0 or 1 to all digits; up to it e^z is a normal number.</summary>
    private const float Bound = 9.9f;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Gelu(float* x, float* y, int length)
    {
        TVector one = TLanes.Broadcast(1f);
        for (int i = 0; i < length; i += TLanes.Width)
        {
            TVector value = Load(x + i, length - i), bounded = Bounded(value);
            TVector power = ExpOfMinusZ(bounded, TLanes.Multiply(bounded, bounded));
            Store(y + i, TLanes.Divide(value, TLanes.Add(one, power)), length - i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void GeluBackward(float* x, float* dy, float* dx, int length)
    {
        TVector one = TLanes.Broadcast(1f);
        for (int i = 0; i < length; i += TLanes.Width)
        {
            TVector value = Bounded(Load(x + i, length - i)), square = TLanes.Multiply(value, value);
            TVector power = ExpOfMinusZ(value, square), sigmoid = TLanes.Divide(one, TLanes.Add(one, power));
            TVector slope = Plus(TLanes.Broadcast(Linear), 3 * Cubic, square);
            TVector rest = TLanes.Multiply(TLanes.Multiply(power, sigmoid), TLanes.Multiply(value, slope));
            Store(dx + i, TLanes.Multiply(Load(dy + i, length - i), TLanes.MultiplyAdd(sigmoid, rest, sigmoid)), length - i);
        }
    }

    /// <summary>x within ±<see cref="Bound"/>; not a number where x is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Bounded(TVector x)
    {
        TVector least = TLanes.Broadcast(-Bound);
        return TLanes.Subtract(default, TLanes.Max(least, TLanes.Subtract(default, TLanes.Max(least, x))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector ExpOfMinusZ(TVector x, TVector square) => Exp(TLanes.Multiply(x, Plus(TLanes.Broadcast(-Linear), -Cubic, square)));

    /// <summary>
    /// e^w = 2^n e^r, n the whole number next to w / ln 2 and r = w - n ln 2: within ±ln 2 / 2 the Taylor series to r^7 is exact to
    /// 6e-9. For |w| up to 87.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Exp(TVector w)
    {
        // A float of this size has no places behind the point: adding it rounds. ln 2 comes in two parts, the first with few digits.
        const float Rounder = 3 << 22, PerLn2 = 1.44269504f, Ln2 = 0.693359375f, Ln2Rest = -2.12194440e-4f;
        TVector rounder = TLanes.Broadcast(Rounder);
        TVector n = TLanes.Subtract(Plus(rounder, PerLn2, w), rounder);
        TVector r = Plus(Plus(w, -Ln2, n), -Ln2Rest, n);
        TVector series = Plus(TLanes.Broadcast(1f / 720), 1f / 5040, r);
        series = TLanes.MultiplyAdd(series, r, TLanes.Broadcast(1f / 120));
        series = TLanes.MultiplyAdd(series, r, TLanes.Broadcast(1f / 24));
        series = TLanes.MultiplyAdd(series, r, TLanes.Broadcast(1f / 6));
        series = TLanes.MultiplyAdd(series, r, TLanes.Broadcast(0.5f));
        series = TLanes.MultiplyAdd(series, r, TLanes.Broadcast(1f));
        series = TLanes.MultiplyAdd(series, r, TLanes.Broadcast(1f));
        return TLanes.Multiply(series, TLanes.TwoTo(n));
    }
}
