using System.Numerics.Tensors;

namespace Kfac.Layers;

/// <summary>
/// loss_n = -ln p_n[label_n], p_n = softmax(logits_n). Its gradient with respect to the logits, of the loss summed over
/// the batch, is p_n - onehot(label_n).
/// </summary>
internal sealed class SoftmaxCrossEntropy(int classes, int capacity)
{
    private readonly float[] _probabilities = new float[checked(classes * capacity)];

    public int Classes => classes;

    /// <summary>p_n [classes] of the last forward pass.</summary>
    public ReadOnlySpan<float> Probabilities(int example) => _probabilities.AsSpan(example * classes, classes);

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
    public (double LossSum, int Correct) Forward(ActivationBuffer logits, ReadOnlySpan<int> labels)
    {
        double loss = 0;
        int correct = 0;
        for (int n = 0; n < labels.Length; n++)
        {
            ReadOnlySpan<float> scores = logits.Row(n, 0);
            loss += Normalize(scores, n) - scores[labels[n]];
            correct += TensorPrimitives.IndexOfMax(scores) == labels[n] ? 1 : 0;
        }

        return (loss, correct);
    }

    /// <summary>p_n = exp(scores - s), s = ln sum exp(scores).</summary>
    /// <returns>s.</returns>
    private double Normalize(ReadOnlySpan<float> scores, int example)
    {
        Span<float> probabilities = _probabilities.AsSpan(example * classes, classes);
        float largest = TensorPrimitives.Max(scores);
        TensorPrimitives.Subtract(scores, largest, probabilities);
        TensorPrimitives.Exp<float>(probabilities, probabilities);
        float total = TensorPrimitives.Sum<float>(probabilities);
        TensorPrimitives.Divide(probabilities, total, probabilities);
        return largest + Math.Log(total);
    }

    /// <summary>gradient[n, c] = p_n[c] - (c = label_n).</summary>
    public void WriteGradient(ReadOnlySpan<int> labels, ActivationBuffer gradient)
    {
        for (int n = 0; n < labels.Length; n++)
        {
            Span<float> row = gradient.Row(n, 0);
            Probabilities(n).CopyTo(row);
            row[labels[n]] -= 1f;
        }
    }

    /// <summary>gradient[n] = B_n e_c = √p_n[c] (e_c - p_n): over all classes c, sum of B e_c (B e_c)ᵀ is the softmax's Fisher diag(p) - p pᵀ.</summary>
    public void WriteFisherColumn(int c, int examples, ActivationBuffer gradient)
    {
        for (int n = 0; n < examples; n++)
        {
            Span<float> row = gradient.Row(n, 0);
            TensorPrimitives.Multiply(Probabilities(n), -1f, row);
            row[c] += 1f;
            TensorPrimitives.Multiply(row, MathF.Sqrt(Probabilities(n)[c]), row);
        }
    }

    /// <summary>gradient[n] = B_n s = √p ∘ s - p (√p · s), for signs s drawn anew for each class and example.</summary>
    public void WritePropagatedSigns(Random random, int examples, ActivationBuffer gradient)
    {
        for (int n = 0; n < examples; n++)
        {
            ReadOnlySpan<float> probabilities = Probabilities(n);
            Span<float> row = gradient.Row(n, 0);
            for (int c = 0; c < classes; c++)
            {
                row[c] = MathF.Sqrt(probabilities[c]) * (random.Next(2) == 0 ? 1 : -1);
            }

            TensorPrimitives.MultiplyAdd(probabilities, -TensorPrimitives.Sum<float>(row), row, row);
        }
    }

    /// <summary>Draws a label for each example from the model's own p_n.</summary>
    public void SampleLabels(Random random, Span<int> labels)
    {
        for (int n = 0; n < labels.Length; n++)
        {
            ReadOnlySpan<float> probabilities = Probabilities(n);
            double rest = random.NextDouble();
            int label = 0;
            while (label < classes - 1 && (rest -= probabilities[label]) >= 0)
            {
                label++;
            }

            labels[n] = label;
        }
    }
}
