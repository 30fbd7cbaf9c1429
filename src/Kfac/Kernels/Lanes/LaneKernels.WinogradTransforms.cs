using System.Runtime.CompilerServices;

namespace Kfac.Kernels;

/// <summary>
/// The transforms with the points 0, P, -P, infinity, Q and -Q, in this order. With D = (x^2 - P^2)(x^2 - Q^2), rows of B^T are the
/// coefficients of x D over (x - point), rows of G are the powers of the point over the value of the same at the point,
/// and columns of A^T are the powers of the point. Points of opposite sign share the sums of even and of odd powers.
/// </summary>
/// <remarks>
/// A narrow tile of 2 pixels of y needs the first four points only, with x^2 - P^2 for D. Its B^T has the rows of that times
/// what takes its G to the other's, so that there is one G g for both.
/// </remarks>
internal sealed unsafe partial class LaneKernels<TLanes, TVector>
{
    private const float P1 = Winograd.P, P2 = P1 * P1, P3 = P2 * P1, P4 = P2 * P2;
    private const float Q1 = Winograd.Q, Q2 = Q1 * Q1, Q3 = Q2 * Q1, Q4 = Q2 * Q2;
    private const float Scale0 = 1f / (P2 * Q2), ScaleP = 1f / (2 * P2 * (P2 - Q2)), ScaleQ = 1f / (2 * Q2 * (Q2 - P2));

    /// <summary>x + factor * y</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Plus(TVector x, float factor, TVector y) => TLanes.MultiplyAdd(y, TLanes.Broadcast(factor), x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Times(float factor, TVector x) => TLanes.Multiply(x, TLanes.Broadcast(factor));

    /// <summary>G g; of 3 taps, g3 and g4 are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformFilter(
        TVector g0, TVector g1, TVector g2, TVector g3, TVector g4, int taps,
        out TVector u0, out TVector u1, out TVector u2, out TVector u3, out TVector u4, out TVector u5)
    {
        TVector evenP = Plus(Plus(g0, P2, g2), P4, g4), oddP = Plus(Times(P1, g1), P3, g3);
        TVector evenQ = Plus(Plus(g0, Q2, g2), Q4, g4), oddQ = Plus(Times(Q1, g1), Q3, g3);
        u0 = Times(Scale0, g0);
        u1 = Times(ScaleP, TLanes.Add(evenP, oddP));
        u2 = Times(ScaleP, TLanes.Subtract(evenP, oddP));
        u3 = taps > 3 ? g4 : g2;
        u4 = Times(ScaleQ, TLanes.Add(evenQ, oddQ));
        u5 = Times(ScaleQ, TLanes.Subtract(evenQ, oddQ));
    }

    /// <summary>B^T d</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformInput(
        TVector d0, TVector d1, TVector d2, TVector d3, TVector d4, TVector d5,
        out TVector v0, out TVector v1, out TVector v2, out TVector v3, out TVector v4, out TVector v5)
    {
        TVector evenP = Plus(d4, -Q2, d2), oddP = Plus(d3, -Q2, d1);
        TVector evenQ = Plus(d4, -P2, d2), oddQ = Plus(d3, -P2, d1);
        v0 = Plus(Plus(d4, -P2 - Q2, d2), P2 * Q2, d0);
        v1 = Plus(evenP, P1, oddP);
        v2 = Plus(evenP, -P1, oddP);
        v3 = Plus(Plus(d5, -P2 - Q2, d3), P2 * Q2, d1);
        v4 = Plus(evenQ, Q1, oddQ);
        v5 = Plus(evenQ, -Q1, oddQ);
    }

    /// <summary>B^T d of a narrow tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformNarrowInput(
        TVector d0, TVector d1, TVector d2, TVector d3, out TVector v0, out TVector v1, out TVector v2, out TVector v3)
    {
        TVector even = Times(P2 - Q2, d2), odd = Times(P2 - Q2, d1);
        v0 = Plus(Times(P2 * Q2, d0), -Q2, d2);
        v1 = Plus(even, P1, odd);
        v2 = Plus(even, -P1, odd);
        v3 = Plus(d3, -P2, d1);
    }

    /// <summary>A^T m; of 5 taps or 4 points, y2 and y3 mean nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformOutput<TTaps, TPoints>(
        TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector y0, out TVector y1, out TVector y2, out TVector y3)
        where TTaps : struct, ITaps
        where TPoints : struct, IPoints
    {
        TVector evenP = TLanes.Add(m1, m2), oddP = TLanes.Subtract(m1, m2);
        if (TPoints.Count == 4)
        {
            y0 = TLanes.Add(m0, evenP);
            y1 = Plus(m3, P1, oddP);
            y2 = y3 = default;
            return;
        }
        TVector evenQ = TLanes.Add(m4, m5), oddQ = TLanes.Subtract(m4, m5);
        y0 = TLanes.Add(m0, TLanes.Add(evenP, evenQ));
        y1 = TTaps.Count > 3 ? Plus(Plus(m3, Q1, oddQ), P1, oddP) : Plus(Times(Q1, oddQ), P1, oddP);
        y2 = Plus(Times(Q2, evenQ), P2, evenP);
        y3 = Plus(Plus(m3, Q3, oddQ), P3, oddP);
    }

    /// <summary>A e; of 5 taps or 4 points, e2 and e3 are 0. Of 4 points, w4 and w5 mean nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformOutputGradient<TTaps, TPoints>(
        TVector e0, TVector e1, TVector e2, TVector e3,
        out TVector w0, out TVector w1, out TVector w2, out TVector w3, out TVector w4, out TVector w5)
        where TTaps : struct, ITaps
        where TPoints : struct, IPoints
    {
        bool two = TTaps.Count > 3 || TPoints.Count == 4;
        TVector evenP = two ? e0 : Plus(e0, P2, e2), oddP = two ? e1 : Plus(e1, P2, e3);
        TVector evenQ = two ? e0 : Plus(e0, Q2, e2), oddQ = two ? e1 : Plus(e1, Q2, e3);
        w0 = e0;
        w1 = Plus(evenP, P1, oddP);
        w2 = Plus(evenP, -P1, oddP);
        w3 = two ? e1 : e3;
        w4 = TPoints.Count == 4 ? default : Plus(evenQ, Q1, oddQ);
        w5 = TPoints.Count == 4 ? default : Plus(evenQ, -Q1, oddQ);
    }

    /// <summary>G^T m; of 3 taps, g3 and g4 are left 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransformFilterGradient<TTaps>(
        TVector m0, TVector m1, TVector m2, TVector m3, TVector m4, TVector m5,
        out TVector g0, out TVector g1, out TVector g2, out TVector g3, out TVector g4)
        where TTaps : struct, ITaps
    {
        TVector evenP = TLanes.Add(m1, m2), oddP = TLanes.Subtract(m1, m2);
        TVector evenQ = TLanes.Add(m4, m5), oddQ = TLanes.Subtract(m4, m5);
        g0 = Plus(Plus(Times(Scale0, m0), ScaleQ, evenQ), ScaleP, evenP);
        g1 = Plus(Times(ScaleQ * Q1, oddQ), ScaleP * P1, oddP);
        g2 = TTaps.Count > 3 ? Plus(Times(ScaleQ * Q2, evenQ), ScaleP * P2, evenP) : Plus(Plus(m3, ScaleQ * Q2, evenQ), ScaleP * P2, evenP);
        g3 = TTaps.Count > 3 ? Plus(Times(ScaleQ * Q3, oddQ), ScaleP * P3, oddP) : default;
        g4 = TTaps.Count > 3 ? Plus(Plus(m3, ScaleQ * Q4, evenQ), ScaleP * P4, evenP) : default;
    }
}
