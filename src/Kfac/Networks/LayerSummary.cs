namespace Kfac.Networks;

/// <summary>One line of a network's summary.</summary>
/// <param name="Name">The layer's name, as its parameters have it: <c>conv2d_1</c>; <c>residual</c> for a block, whose layers follow.</param>
/// <param name="Settings">Window, filters, units and the like, in words; what is usual is left out.</param>
/// <param name="Output">Shape of one example behind it.</param>
/// <param name="Parameters">Number of trained parameters; 0 for a block, whose layers have their own.</param>
/// <param name="MultiplyAdds">Multiplications with a weight for one example, forward; 0 for a block.</param>
/// <param name="Depth">Number of residual blocks around it.</param>
public sealed record LayerSummary(string Name, string Settings, ImageShape Output, long Parameters, long MultiplyAdds, int Depth)
{
    /// <summary>A summary of each layer, first to last; the layers of a residual block follow its own line.</summary>
    internal static IReadOnlyList<LayerSummary> Of(NetworkSpec spec)
    {
        List<LayerSummary> lines = [];
        Add(spec.Layers, spec.Input, depth: 0, branch: "", new LayerNames(), lines);
        return lines;
    }

    private static void Add(IReadOnlyList<LayerSpec> layers, ImageShape input, int depth, string branch, LayerNames names, List<LayerSummary> lines)
    {
        foreach (LayerSpec layer in layers)
        {
            ImageShape output = layer.InferOutput(input);
            if (layer is ResidualSpec residual)
            {
                lines.Add(new LayerSummary("residual", residual.Shortcut.Count == 0 ? "body + input" : "body + shortcut", output, 0, 0, depth));
                Add(residual.Body, input, depth + 1, "", names, lines);
                Add(residual.Shortcut, input, depth + 1, "shortcut: ", names, lines);
            }
            else
            {
                (long parameters, long multiplyAdds) = Count(layer, input, output);
                lines.Add(new LayerSummary(names.Next(layer), branch + Describe(layer), output, parameters, multiplyAdds, depth));
            }

            input = output;
        }
    }

    private static (long Parameters, long MultiplyAdds) Count(LayerSpec layer, ImageShape input, ImageShape output)
    {
        switch (layer)
        {
            case Conv2DSpec convolution:
                long filter = (long)convolution.KernelHeight * convolution.KernelWidth * (input.Channels / convolution.Groups) * convolution.Filters;
                return (convolution.IsFrozen ? 0 : filter + (convolution.UseBias ? convolution.Filters : 0), filter * output.Height * output.Width);
            case DenseSpec dense:
                long weights = (long)input.Channels * dense.Units;
                return (weights + (dense.UseBias ? dense.Units : 0), weights);
            case BatchNormSpec or GroupNormSpec:
                return (2L * input.Channels, 0);
            default:
                return (0, 0);
        }
    }

    private static string Describe(LayerSpec layer)
    {
        FormattableString text = layer switch
        {
            Conv2DSpec c => $"{c.KernelHeight}x{c.KernelWidth}, {c.Filters} filters{Pair(", stride", c.StrideY, c.StrideX)}{Pair(", dilation", c.DilationY, c.DilationX)}{(c.Groups > 1 ? $", {c.Groups} groups" : "")}{(c.Padding == Padding.Valid ? ", no padding" : "")}{(c.UseBias ? "" : ", no bias")}{(c.Initialization == FilterInitialization.HeNormal ? "" : $", {c.Initialization.ToString().ToLowerInvariant()}")}{(c.IsFrozen ? ", frozen" : "")}",
            DenseSpec d => $"{d.Units} units{(d.UseBias ? "" : ", no bias")}",
            MaxPool2DSpec p => $"{p.Height}x{p.Width}{(p.StrideY == p.Height && p.StrideX == p.Width ? "" : $", stride {p.StrideY}x{p.StrideX}")}",
            AveragePool2DSpec p => $"{p.Height}x{p.Width}{(p.StrideY == p.Height && p.StrideX == p.Width ? "" : $", stride {p.StrideY}x{p.StrideX}")}",
            DropoutSpec d => $"rate {d.Rate}",
            LeakyReluSpec l => $"slope {l.Slope}",
            GroupNormSpec g => $"{g.Groups} groups",
            _ => $"",
        };
        return FormattableString.Invariant(text);

        static string Pair(string what, int y, int x) => y == 1 && x == 1 ? "" : y == x ? $"{what} {y}" : $"{what} {y}x{x}";
    }
}
