using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

[TestClass]
[TestCategory("Kernels")]
public sealed unsafe class MatrixProductTests
{
    private static readonly (int M, int N, int K)[] Sizes =
    [
        (1, 1, 1), (1, 10, 7), (3, 5, 2), (14, 32, 9), (15, 33, 17), (31, 10, 64), (64, 17, 33), (13, 100, 29), (128, 128, 70), (70, 400, 200),
    ];

    public static IEnumerable<object[]> Variants =>
        from isa in InstructionSets.Available
        from flags in Enumerable.Range(0, 16)
        select new object[] { isa, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0 };

    [TestMethod]
    [DynamicData(nameof(Variants))]
    public void Is_the_product_for_every_shape(object isa, bool transposeA, bool transposeB, bool squareA, bool squareB)
    {
        foreach ((int m, int n, int k) in Sizes)
            foreach (Extra extra in (Extra[])[Extra.None, Extra.Bias, Extra.BiasAndRelu, Extra.Accumulate, Extra.Scale])
            {
                Case c = new(m, n, k, transposeA, transposeB, squareA, squareB, extra);
                MatrixProduct product = new(m, n, k, transposeA, transposeB, squareA, squareB, (InstructionSet)isa);
                KernelCases.AreClose(c.Expected(), c.Run(product, reversed: false), KernelCases.Tolerance(k + 1), $"{isa} {c}");
            }
    }

    [TestMethod]
    [DynamicData(nameof(Variants))]
    public void Smaller_calls_of_one_plan_give_the_bits_of_their_own(object isa, bool transposeA, bool transposeB, bool squareA, bool squareB)
    {
        foreach ((int n, int maxTerms) in ((int, int)[])[(33, 40), (500, 170)])
        {
            MatrixProduct plan = new(70, n, maxTerms, transposeA, transposeB, squareA, squareB, (InstructionSet)isa);
            foreach ((int m, int k) in ((int, int)[])[(1, maxTerms), (13, 1), (69, maxTerms - 1), (70, maxTerms)])
            {
                Case c = new(m, n, k, transposeA, transposeB, squareA, squareB, Extra.Bias);
                MatrixProduct own = new(m, n, k, transposeA, transposeB, squareA, squareB, (InstructionSet)isa);
                CollectionAssert.AreEqual(c.Run(own, reversed: false), c.Run(plan, reversed: false), $"{isa} {c}");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Variants))]
    public void The_order_of_units_does_not_matter(object isa, bool transposeA, bool transposeB, bool squareA, bool squareB)
    {
        foreach ((int m, int n, int k) in Sizes)
        {
            Case c = new(m, n, k, transposeA, transposeB, squareA, squareB, Extra.None);
            MatrixProduct product = new(m, n, k, transposeA, transposeB, squareA, squareB, (InstructionSet)isa);
            CollectionAssert.AreEqual(c.Run(product, reversed: false), c.Run(product, reversed: true));
        }
    }

    [TestMethod]
    [DynamicData(nameof(Variants))]
    public void The_lower_part_alone_has_the_same_bits(object isa, bool transposeA, bool transposeB, bool squareA, bool squareB)
    {
        foreach ((int n, int k) in ((int, int)[])[(1, 3), (33, 20), (70, 30), (150, 500)])
        {
            Case c = new(n, n, k, transposeA, transposeB, squareA, squareB, Extra.None);
            double[] all = c.Run(new MatrixProduct(n, n, k, transposeA, transposeB, squareA, squareB, (InstructionSet)isa), reversed: false);
            double[] lower = c.Run(new MatrixProduct(n, n, k, transposeA, transposeB, squareA, squareB, (InstructionSet)isa, lowerOnly: true), reversed: false);
            for (int i = 0; i < n; i++)
                CollectionAssert.AreEqual(all[(i * n)..((i * n) + i + 1)], lower[(i * n)..((i * n) + i + 1)], $"{isa}, {n} x {n}, {k} terms, row {i}");
            if (n == 150)
                CollectionAssert.AreNotEqual(all, lower, "nothing was left out");
        }
    }

    [TestMethod]
    public void There_is_work_for_many_workers_where_there_is_much()
    {
        Assert.IsGreaterThanOrEqualTo(8, new MatrixProduct(128, 128, 3136).Units);
        Assert.IsGreaterThanOrEqualTo(8, new MatrixProduct(3136, 128, 128, transposeA: true).Units);
        Assert.IsGreaterThanOrEqualTo(8, new MatrixProduct(128, 3136, 128, transposeB: true).Units);
    }

    private enum Extra
    {
        None,
        Bias,
        BiasAndRelu,
        Accumulate,
        Scale,
    }

    private sealed record Case(int M, int N, int K, bool TransposeA, bool TransposeB, bool SquareA, bool SquareB, Extra Extra)
    {
        private const int Gap = 3;
        private const float ScaleOfSums = 1 / 3f;

        private double[] A => KernelCases.Random(M * K, 1);

        private double[] B => KernelCases.Random(K * N, 2);

        private double[] Bias => KernelCases.Random(N, 3);

        private double[] C => KernelCases.Random(M * N, 4);

        public double[] Expected()
        {
            double[] a = A, b = B, bias = Bias, c = C, result = new double[M * N];
            for (int i = 0; i < M; i++)
                for (int j = 0; j < N; j++)
                {
                    double sum = Extra switch { Extra.None or Extra.Scale => 0, Extra.Accumulate => c[i * N + j], _ => bias[j] };
                    for (int k = 0; k < K; k++)
                    {
                        double x = TransposeA ? a[k * M + i] : a[i * K + k], y = TransposeB ? b[j * K + k] : b[k * N + j];
                        sum += (SquareA ? x * x : x) * (SquareB ? y * y : y);
                    }
                    result[i * N + j] = Extra switch { Extra.BiasAndRelu => Math.Max(sum, 0), Extra.Scale => sum * ScaleOfSums, _ => sum };
                }
            return result;
        }

        public double[] Run(MatrixProduct product, bool reversed)
        {
            // One row each, the gap between rows holding NaN.
            using GuardedImage a = GuardedImage.Of(TransposeA ? K : M, TransposeA ? M : K, 1, default, A, Gap);
            using GuardedImage b = GuardedImage.Of(TransposeB ? N : K, TransposeB ? K : N, 1, default, B, Gap);
            using GuardedImage c = Extra == Extra.Accumulate ? GuardedImage.Of(M, N, 1, default, C, Gap) : new(M, N, 1, default, Gap);
            using GuardedFloats bias = GuardedFloats.Of(Bias), packed = new(product.PackedLength);
            int[] surroundings = c.Surroundings();
            MatrixOperands operands = new()
            {
                M = M,
                K = K,
                A = a.Plane.Origin,
                StrideA = a.Plane.RowStride,
                B = b.Plane.Origin,
                StrideB = b.Plane.RowStride,
                C = c.Plane.Origin,
                StrideC = c.Plane.RowStride,
                Bias = Extra is Extra.Bias or Extra.BiasAndRelu ? bias.Pointer : null,
                Relu = Extra == Extra.BiasAndRelu,
                Accumulate = Extra == Extra.Accumulate,
                Scale = Extra == Extra.Scale ? ScaleOfSums : null,
                Packed = packed.Pointer,
            };
            for (int unit = 0; unit < product.PackUnits; unit++)
                product.Pack(reversed ? product.PackUnits - 1 - unit : unit, operands);
            for (int unit = 0; unit < product.Units; unit++)
                product.Multiply(reversed ? product.Units - 1 - unit : unit, operands);
            CollectionAssert.AreEqual(surroundings, c.Surroundings());
            Assert.IsTrue(packed.IsIntact);
            return c.Interior();
        }
    }
}
