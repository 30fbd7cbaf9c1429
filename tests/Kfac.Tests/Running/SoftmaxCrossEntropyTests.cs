using Kfac.Memory;
using Kfac.Running;

namespace Kfac.Tests.Running;

/// <summary>The loss with weights and smoothed labels, against its formula in double.</summary>
[TestClass]
public sealed class SoftmaxCrossEntropyTests
{
    private const int Examples = 3, Classes = 4;

    private static readonly int[] Labels = [2, 0, 3];

    private static readonly float[] Weights = [0.5f, 2.5f, 0];

    private static readonly double[][] Logits = [[0.3, -1, 2, 0.5], [1, 1.5, -0.5, 0], [4, -3, 0.25, 1]];

    [TestMethod]
    [DataRow(0f)]
    [DataRow(0.1f)]
    [DataRow(0.9f)]
    public void Loss_is_the_formulas(float smoothing)
    {
        SoftmaxCrossEntropy loss = Create(smoothing);

        (double sum, int correct) = loss.Forward(Buffer(), Labels);
        (double plain, int plainCorrect) = loss.ForwardPlain(Buffer(), Labels);

        Assert.AreEqual(Loss(Logits, Weights, smoothing), sum, 1e-5);
        Assert.AreEqual(Loss(Logits, [1, 1, 1], 0), plain, 1e-5);
        Assert.AreEqual((1, 1), (correct, plainCorrect));
    }

    [TestMethod]
    [DataRow(0f)]
    [DataRow(0.1f)]
    [DataRow(0.9f)]
    public void Gradient_is_the_loss_difference_quotient(float smoothing)
    {
        const double Step = 1e-4;
        SoftmaxCrossEntropy loss = Create(smoothing);
        loss.Forward(Buffer(), Labels);
        ActivationBuffer gradient = Buffer();
        loss.WriteGradient(Labels, gradient);
        for (int n = 0; n < Examples; n++)
        {
            for (int c = 0; c < Classes; c++)
            {
                double Moved(double by)
                {
                    double[][] logits = [.. Logits.Select(row => row.ToArray())];
                    logits[n][c] += by;
                    return Loss(logits, Weights, smoothing);
                }

                Assert.AreEqual((Moved(Step) - Moved(-Step)) / (2 * Step), gradient.Row(n, 0)[c], 1e-5, $"example {n}, class {c}");
            }
        }
    }

    [TestMethod]
    public void A_mixed_examples_loss_and_gradient_are_those_of_both_classes_by_their_shares()
    {
        SoftmaxCrossEntropy mixed = Create(smoothing: 0.1f), own = Create(smoothing: 0.1f), other = Create(smoothing: 0.1f);
        int[] others = [0, 1, 3];
        float[] shares = [0.75f, 0.5f, 0.6f];
        others.CopyTo(mixed.OtherLabels);
        shares.CopyTo(mixed.Shares);
        ActivationBuffer gradient = Buffer(), ofOwn = Buffer(), ofOther = Buffer();

        double sum = mixed.Forward(Buffer(), Labels).LossSum;
        mixed.WriteGradient(Labels, gradient);
        own.Forward(Buffer(), Labels);
        own.WriteGradient(Labels, ofOwn);
        other.Forward(Buffer(), others);
        other.WriteGradient(others, ofOther);

        double expected = Enumerable.Range(0, Examples).Sum(n =>
            shares[n] * Loss(Logits, [.. Weights.Select((weight, i) => i == n ? weight : 0)], 0.1f) + (1 - shares[n]) * Loss(Logits, [.. Weights.Select((weight, i) => i == n ? weight : 0)], 0.1f, others));
        Assert.AreEqual(expected, sum, 1e-5);
        Assert.AreEqual(own.ForwardPlain(Buffer(), Labels).LossSum, mixed.ForwardPlain(Buffer(), Labels).LossSum, "the plain loss knows one label");
        for (int n = 0; n < Examples; n++)
        {
            for (int c = 0; c < Classes; c++)
            {
                Assert.AreEqual(shares[n] * ofOwn.Row(n, 0)[c] + (1 - shares[n]) * ofOther.Row(n, 0)[c], gradient.Row(n, 0)[c], 1e-6);
            }
        }
    }

    [TestMethod]
    public void Every_estimate_of_the_Fisher_weighs_an_example_by_its_weight()
    {
        SoftmaxCrossEntropy weighted = Create(smoothing: 0.2f), plain = new(Classes, Examples);
        weighted.Forward(Buffer(), Labels);
        plain.Forward(Buffer(), Labels);
        Action<SoftmaxCrossEntropy, ActivationBuffer>[] estimates =
        [
            (loss, gradient) => loss.WriteSampledGradient(new SplitMix64(1, RandomStream.CurvatureLabels), Examples, gradient),
            (loss, gradient) => loss.WritePropagatedSigns(new SplitMix64(1, RandomStream.CurvatureLabels), Examples, gradient),
            (loss, gradient) => loss.WriteFisherColumn(1, Examples, gradient),
        ];
        foreach (Action<SoftmaxCrossEntropy, ActivationBuffer> write in estimates)
        {
            ActivationBuffer of = Buffer(), without = Buffer();
            write(weighted, of);
            write(plain, without);
            for (int n = 0; n < Examples; n++)
            {
                for (int c = 0; c < Classes; c++)
                {
                    Assert.AreEqual(Weights[n] * Math.Pow(without.Row(n, 0)[c], 2), Math.Pow(of.Row(n, 0)[c], 2), 1e-6);
                }
            }
        }
    }

    private static SoftmaxCrossEntropy Create(float smoothing)
    {
        var loss = new SoftmaxCrossEntropy(Classes, Examples) { Smoothing = smoothing };
        Weights.CopyTo(loss.Weights);
        return loss;
    }

    private static double Loss(double[][] logits, float[] weights, double smoothing, int[]? labels = null)
    {
        double total = 0;
        for (int n = 0; n < Examples; n++)
        {
            double partition = logits[n].Sum(Math.Exp);
            for (int c = 0; c < Classes; c++)
            {
                double target = smoothing / Classes + (c == (labels ?? Labels)[n] ? 1 - smoothing : 0);
                total -= weights[n] * target * Math.Log(Math.Exp(logits[n][c]) / partition);
            }
        }

        return total;
    }

    private static ActivationBuffer Buffer()
    {
        var buffer = new ActivationBuffer(ImageShape.Flat(Classes), default, Examples);
        for (int n = 0; n < Examples; n++)
        {
            buffer.Write(n, Array.ConvertAll(Logits[n], v => (float)v));
        }

        return buffer;
    }
}
