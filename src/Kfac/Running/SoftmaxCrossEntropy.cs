using System.Numerics.Tensors;
using Kfac.Memory;

namespace Kfac.Running;

/// <summary>
/// loss_n = -w_n · sum_c q_n[c] ln p_n[c], p_n = softmax(logits_n), q_n = (1 - ε) t_n + ε / classes, with t_n the label's
/// onehot, or, of a mixed example, share_n · onehot(label_n) + (1 - share_n) · onehot(other label_n). Its gradient with respect
/// to the logits, of the loss summed over the batch, is w_n (p_n - q_n).
/// </summary>
/// <remarks>
/// Weights enter the Fisher as they enter the loss: the empirical one is made of the gradients above, w_n² in it, and what
/// is drawn from the model or propagated has √w_n on each gradient, so that F = (1/N) sum w_n F_n, the curvature of the
/// weighted loss.
/// </remarks>
internal sealed class SoftmaxCrossEntropy
{
    private readonly int _classes;
    private readonly float[] _probabilities;
    private readonly float[] _weights;
    private readonly int[] _otherLabels;
    private readonly float[] _shares;

    public SoftmaxCrossEntropy(int classes, int capacity)
    {
        _classes = classes;
        _probabilities = new float[checked(classes * capacity)];
        _weights = new float[capacity];
        Array.Fill(_weights, 1f);
        _otherLabels = new int[capacity];
        _shares = new float[capacity];
        Array.Fill(_shares, 1f);
    }

    public int Classes => _classes;

    /// <summary>Label smoothing ε, in [0, 1) (Szegedy et al. 2016).</summary>
    public float Smoothing { get; set; }

    /// <summary>w_n [N] of the batch, 1 unless written; written by whoever calls <see cref="Forward"/>.</summary>
    public Span<float> Weights => _weights;

    /// <summary>Second labels [N] of the batch, of account where <see cref="Shares"/> is below 1.</summary>
    public Span<int> OtherLabels => _otherLabels;

    /// <summary>share_n [N] of the batch, in [0, 1]; 1 unless written.</summary>
    public Span<float> Shares => _shares;

    /// <summary>p_n [classes] of the last forward pass.</summary>
    public ReadOnlySpan<float> Probabilities(int example) => _probabilities.AsSpan(example * _classes, _classes);

    /// <summary>Computes p_n for the first <paramref name="examples"/> rows of <paramref name="logits"/>.</summary>
    public void Normalize(ActivationBuffer logits, int examples)
    {
        for (int n = 0; n < examples; n++)
        {
            Normalize(logits.Row(n, 0), n);
        }
    }

    /// <summary>Computes p_n, the sum of the examples' losses, and how many have their label as the most probable class.</summary>
    /// <returns>The loss is NaN or infinite where a logit was.</returns>
    public (double LossSum, int Correct) Forward(ActivationBuffer logits, ReadOnlySpan<int> labels) => Sum(logits, labels, isPlain: false);

    /// <summary>The same for plain cross-entropy, without weights, smoothing and second labels.</summary>
    public (double LossSum, int Correct) ForwardPlain(ActivationBuffer logits, ReadOnlySpan<int> labels) => Sum(logits, labels, isPlain: true);

    private (double LossSum, int Correct) Sum(ActivationBuffer logits, ReadOnlySpan<int> labels, bool isPlain)
    {
        double loss = 0;
        int correct = 0;
        for (int n = 0; n < labels.Length; n++)
        {
            ReadOnlySpan<float> scores = logits.Row(n, 0);
            double logSum = Normalize(scores, n), own = logSum - scores[labels[n]];
            if (!isPlain && _shares[n] < 1)
            {
                own += (1.0 - _shares[n]) * ((double)scores[labels[n]] - scores[_otherLabels[n]]);
            }

            if (!isPlain && Smoothing > 0)
            {
                own += Smoothing * (logSum - TensorPrimitives.Average(scores) - own);
            }

            // An infinite loss stays one under a weight of 0.
            loss += isPlain || !double.IsFinite(own) ? own : _weights[n] * own;
            correct += TensorPrimitives.IndexOfMax(scores) == labels[n] ? 1 : 0;
        }

        return (loss, correct);
    }

    /// <summary>p_n = exp(scores - s), s = ln sum exp(scores).</summary>
    /// <returns>s.</returns>
    private double Normalize(ReadOnlySpan<float> scores, int example)
    {
        Span<float> probabilities = _probabilities.AsSpan(example * _classes, _classes);
        float largest = TensorPrimitives.Max(scores);
        TensorPrimitives.Subtract(scores, largest, probabilities);
        TensorPrimitives.Exp<float>(probabilities, probabilities);
        float total = TensorPrimitives.Sum<float>(probabilities);
        TensorPrimitives.Divide(probabilities, total, probabilities);
        return largest + Math.Log(total);
    }

    /// <summary>gradient[n] = w_n (p_n - q_n).</summary>
    public void WriteGradient(ReadOnlySpan<int> labels, ActivationBuffer gradient)
    {
        for (int n = 0; n < labels.Length; n++)
        {
            Span<float> row = gradient.Row(n, 0);
            Probabilities(n).CopyTo(row);
            row[labels[n]] -= (1f - Smoothing) * _shares[n];
            if (_shares[n] < 1)
            {
                row[_otherLabels[n]] -= (1f - Smoothing) * (1f - _shares[n]);
            }

            if (Smoothing > 0)
            {
                TensorPrimitives.Subtract(row, Smoothing / _classes, row);
            }

            Scale(row, _weights[n]);
        }
    }

    /// <summary>gradient[n] = √w_n (p_n - onehot(label)), for a label of each example drawn from the model's own p_n.</summary>
    public void WriteSampledGradient(SplitMix64 random, int examples, ActivationBuffer gradient)
    {
        for (int n = 0; n < examples; n++)
        {
            Span<float> row = gradient.Row(n, 0);
            Probabilities(n).CopyTo(row);
            row[SampleLabel(ref random, n)] -= 1f;
            Scale(row, MathF.Sqrt(_weights[n]));
        }
    }

    /// <summary>gradient[n] = √w_n B_n e_c, B_n e_c = √p_n[c] (e_c - p_n): over all classes c, sum of B e_c (B e_c)ᵀ is the softmax's Fisher diag(p) - p pᵀ.</summary>
    public void WriteFisherColumn(int c, int examples, ActivationBuffer gradient)
    {
        for (int n = 0; n < examples; n++)
        {
            Span<float> row = gradient.Row(n, 0);
            TensorPrimitives.Multiply(Probabilities(n), -1f, row);
            row[c] += 1f;
            TensorPrimitives.Multiply(row, MathF.Sqrt(_weights[n] * Probabilities(n)[c]), row);
        }
    }

    /// <summary>gradient[n] = √w_n B_n s, B_n s = √p ∘ s - p (√p · s), for signs s drawn anew for each class and example.</summary>
    public void WritePropagatedSigns(SplitMix64 random, int examples, ActivationBuffer gradient)
    {
        for (int n = 0; n < examples; n++)
        {
            ReadOnlySpan<float> probabilities = Probabilities(n);
            Span<float> row = gradient.Row(n, 0);
            for (int c = 0; c < _classes; c++)
            {
                row[c] = MathF.Sqrt(probabilities[c]) * (random.Next(bound: 2) == 0 ? 1 : -1);
            }

            TensorPrimitives.MultiplyAdd(probabilities, -TensorPrimitives.Sum<float>(row), row, row);
            Scale(row, MathF.Sqrt(_weights[n]));
        }
    }

    /// <summary>A class drawn from p_n.</summary>
    private int SampleLabel(ref SplitMix64 random, int example)
    {
        ReadOnlySpan<float> probabilities = Probabilities(example);
        double rest = random.NextDouble();
        int label = 0;
        while (label < _classes - 1 && (rest -= probabilities[label]) >= 0)
        {
            label++;
        }

        return label;
    }

    private static void Scale(Span<float> row, float factor)
    {
        if (factor != 1)
        {
            TensorPrimitives.Multiply(row, factor, row);
        }
    }
}
