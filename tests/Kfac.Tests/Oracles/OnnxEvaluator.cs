namespace Kfac.Tests.Oracles;

/// <summary>Evaluates an ONNX graph by the definitions of its operators (opset 13), in double precision and plain loops.</summary>
internal static class OnnxEvaluator
{
    /// <summary>All values of the graph, by name.</summary>
    public static Dictionary<string, OnnxTensor> Run(OnnxFile file, OnnxTensor input)
    {
        var values = new Dictionary<string, OnnxTensor>(file.Constants) { { file.Inputs.Single().Name, input } };
        foreach (OnnxNode node in file.Nodes)
        {
            OnnxTensor[] inputs = Array.ConvertAll(node.Inputs, name => values[name]);
            // A name that is there already ends here: each value has one origin.
            values.Add(node.Output, Evaluate(node, inputs));
        }

        return values;
    }

    private static OnnxTensor Evaluate(OnnxNode node, OnnxTensor[] inputs) => (node.Operation, inputs) switch
    {
        ("Identity", [var x]) => x,
        ("Transpose", [var x]) => Transpose(x, node.Ints("perm")),
        ("Sub", [var a, var b]) => Combine(a, b, (p, q) => p - q),
        ("Add", [var a, var b]) => Combine(a, b, (p, q) => p + q),
        ("Mul", [var a, var b]) => Combine(a, b, (p, q) => p * q),
        ("Relu", [var x]) => Map(x, value => Math.Max(value, 0)),
        ("LeakyRelu", [var x]) => Map(x, value => value > 0 ? value : node.Float("alpha", 0.01) * value),
        ("Tanh", [var x]) => Map(x, Math.Tanh),
        ("Flatten", [var x]) => Flatten(x, node.Int("axis", 1)),
        ("Reshape", [var x, var shape]) => Reshape(x, shape),
        ("BatchNormalization", [var x, var scale, var shift, var mean, var variance]) => Normalize(
            x, i => Channel(x, i), mean.Values, variance.Values, scale.Values, shift.Values, node.Float("epsilon", 1e-5)),
        ("InstanceNormalization", [var x, var scale, var shift]) => NormalizeInstances(x, scale, shift, node.Float("epsilon", 1e-5)),
        ("Gemm", [var a, var b]) => Gemm(a, b),
        ("Gemm", [var a, var b, var c]) => Combine(Gemm(a, b), c, (p, q) => p + q),
        ("Conv", [var x, var w]) => Conv(node, x, w),
        ("Conv", [var x, var w, var bias]) => Combine(Conv(node, x, w), bias with { Shape = [1, bias.Shape[0], 1, 1] }, (p, q) => p + q),
        ("MaxPool", [var x]) => Pool(node, x, window => window.Max()),
        ("AveragePool", [var x]) => Pool(node, x, window => window.Average()),
        ("GlobalAveragePool", [var x]) => new OnnxTensor(
            [x.Shape[0], x.Shape[1], .. x.Shape[2..].Select(_ => 1)], [.. x.Values.Chunk(OnnxTensor.Size(x.Shape[2..])).Select(plane => plane.Average())]),
        ("Softmax", [var x]) => Softmax(x, node.Int("axis", -1)),
        ("ArgMax", [var x]) => ArgMax(x, node.Int("axis", 0), node.Int("keepdims", 1)),
        var (operation, given) => throw new NotSupportedException($"{operation} of {given.Length} inputs"),
    };

    private static OnnxTensor Map(OnnxTensor x, Func<double, double> function) => x with { Values = Array.ConvertAll(x.Values, value => function(value)) };

    private static OnnxTensor Transpose(OnnxTensor x, int[] perm)
    {
        int[] shape = [.. perm.Select(axis => x.Shape[axis])];
        return Create(shape, at =>
        {
            int[] source = new int[at.Length];
            for (int axis = 0; axis < at.Length; axis++)
            {
                source[perm[axis]] = at[axis];
            }

            return x.Values[Index(x.Shape, source)];
        });
    }

    /// <summary>Element by element, axes of size 1 and missing leading axes repeated.</summary>
    private static OnnxTensor Combine(OnnxTensor a, OnnxTensor b, Func<double, double, double> function)
    {
        int rank = Math.Max(a.Shape.Length, b.Shape.Length);
        int[] left = Extend(a.Shape), right = Extend(b.Shape);
        int[] shape = [.. left.Zip(right, (p, q) => p == q || q == 1 ? p : p == 1 ? q : throw new FormatException($"[{string.Join(", ", left)}] and [{string.Join(", ", right)}]"))];
        return Create(shape, at => function(a.Values[Index(left, at)], b.Values[Index(right, at)]));

        int[] Extend(int[] sizes) => [.. Enumerable.Repeat(1, rank - sizes.Length), .. sizes];
    }

    private static OnnxTensor Flatten(OnnxTensor x, int axis) => x with { Shape = [OnnxTensor.Size(x.Shape.Take(axis)), OnnxTensor.Size(x.Shape.Skip(axis))] };

    private static OnnxTensor Reshape(OnnxTensor x, OnnxTensor shape)
    {
        int[] sizes = [.. shape.Values.Select((size, axis) => size == 0 ? x.Shape[axis] : (int)size)];
        int left = x.Values.Length / OnnxTensor.Size(sizes.Where(size => size != -1));
        sizes = [.. sizes.Select(size => size == -1 ? left : size)];
        Require(OnnxTensor.Size(sizes) == x.Values.Length, "Reshape's sizes");
        return x with { Shape = sizes };
    }

    /// <summary>Index on axis 1 of value i.</summary>
    private static int Channel(OnnxTensor x, int i) => i / OnnxTensor.Size(x.Shape[2..]) % x.Shape[1];

    /// <summary>y[i] = (x[i] - mean) / √(variance + ε) · scale + shift, each of what i belongs to.</summary>
    private static OnnxTensor Normalize(OnnxTensor x, Func<int, int> belongsTo, double[] mean, double[] variance, double[] scale, double[] shift, double epsilon) =>
        x with { Values = [.. x.Values.Select((value, i) => (value - mean[belongsTo(i)]) / Math.Sqrt(variance[belongsTo(i)] + epsilon) * scale[belongsTo(i) % scale.Length] + shift[belongsTo(i) % shift.Length])] };

    /// <summary>Mean and variance are those of each example and channel.</summary>
    private static OnnxTensor NormalizeInstances(OnnxTensor x, OnnxTensor scale, OnnxTensor shift, double epsilon)
    {
        Require(x.Shape.Length >= 3 && scale.Values.Length == x.Shape[1], "InstanceNormalization's input");
        int size = OnnxTensor.Size(x.Shape[2..]);
        double[] mean = [.. x.Values.Chunk(size).Select(values => values.Average())];
        double[] variance = [.. x.Values.Chunk(size).Select((values, instance) => values.Average(value => Math.Pow(value - mean[instance], 2)))];
        return Normalize(x, i => i / size, mean, variance, scale.Values, shift.Values, epsilon);
    }

    private static OnnxTensor Gemm(OnnxTensor a, OnnxTensor b)
    {
        Require(a.Shape.Length == 2 && b.Shape.Length == 2 && a.Shape[1] == b.Shape[0], "Gemm's matrices");
        return Create([a.Shape[0], b.Shape[1]], at => Enumerable.Range(0, b.Shape[0]).Sum(k => a.Values[at[0] * a.Shape[1] + k] * b.Values[k * b.Shape[1] + at[1]]));
    }

    /// <summary>y[n,k,i,j] = sum over c,r,s of x[n, g·C/groups + c, i·sy + r·dy - top, j·sx + s·dx - left] · w[k,c,r,s]</summary>
    private static OnnxTensor Conv(OnnxNode node, OnnxTensor x, OnnxTensor w)
    {
        int groups = node.Int("group", 1);
        CollectionAssert.AreEqual(w.Shape[2..], node.Ints("kernel_shape"));
        Require(x.Shape[1] == w.Shape[1] * groups && w.Shape[0] % groups == 0, "Conv's channels");
        var window = new Windows(node, x.Shape);
        return Create([x.Shape[0], w.Shape[0], window.Rows, window.Columns], at =>
        {
            int first = at[1] / (w.Shape[0] / groups) * w.Shape[1];
            double sum = 0;
            foreach ((int r, int s, int row, int column) in window.At(at[2], at[3]))
            {
                for (int c = 0; c < w.Shape[1]; c++)
                {
                    sum += x.Values[Index(x.Shape, [at[0], first + c, row, column])] * w.Values[Index(w.Shape, [at[1], c, r, s])];
                }
            }

            return sum;
        });
    }

    private static OnnxTensor Pool(OnnxNode node, OnnxTensor x, Func<IEnumerable<double>, double> ofWindow)
    {
        var window = new Windows(node, x.Shape);
        return Create([x.Shape[0], x.Shape[1], window.Rows, window.Columns], at =>
            ofWindow(window.At(at[2], at[3]).Select(tap => x.Values[Index(x.Shape, [at[0], at[1], tap.Row, tap.Column])])));
    }

    private static OnnxTensor Softmax(OnnxTensor x, int axis)
    {
        Require(axis == x.Shape.Length - 1, "Softmax's axis");
        return x with { Values = [.. x.Values.Chunk(x.Shape[axis]).SelectMany(OfRow)] };

        static IEnumerable<double> OfRow(double[] row)
        {
            double largest = row.Max(), sum = row.Sum(value => Math.Exp(value - largest));
            return row.Select(value => Math.Exp(value - largest) / sum);
        }
    }

    private static OnnxTensor ArgMax(OnnxTensor x, int axis, int keepDimensions)
    {
        Require(x.Shape.Length == 2 && axis == 1 && keepDimensions == 0, "ArgMax's axis");
        return new OnnxTensor([x.Shape[0]], [.. x.Values.Chunk(x.Shape[1]).Select(row => (double)Array.IndexOf(row, row.Max()))]);
    }

    private static OnnxTensor Create(int[] shape, Func<int[], double> valueAt)
    {
        var values = new double[OnnxTensor.Size(shape)];
        int[] at = new int[shape.Length];
        for (int i = 0; i < values.Length; i++)
        {
            for (int axis = shape.Length - 1, rest = i; axis >= 0; rest /= shape[axis--])
            {
                at[axis] = rest % shape[axis];
            }

            values[i] = valueAt(at);
        }

        return new OnnxTensor(shape, values);
    }

    /// <summary>Row-major; axes of size 1 take any index, as in broadcasting.</summary>
    private static int Index(int[] shape, int[] at)
    {
        int index = 0;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            index = index * shape[axis] + (shape[axis] == 1 ? 0 : at[axis]);
        }

        return index;
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new FormatException($"{what} are not as the operator has them");
        }
    }

    /// <summary>The windows of Conv and the poolings; taps in the padding are left out.</summary>
    private sealed class Windows
    {
        private readonly int[] _kernel;
        private readonly int[] _strides;
        private readonly int[] _pads;
        private readonly int[] _dilations;
        private readonly int _height;
        private readonly int _width;

        public Windows(OnnxNode node, int[] shape)
        {
            (_kernel, _strides, _pads, _dilations) = (node.Ints("kernel_shape"), node.Ints("strides", 1, 1), node.Ints("pads", 0, 0, 0, 0), node.Ints("dilations", 1, 1));
            (_height, _width) = (shape[2], shape[3]);
            Rows = (_height + _pads[0] + _pads[2] - _dilations[0] * (_kernel[0] - 1) - 1) / _strides[0] + 1;
            Columns = (_width + _pads[1] + _pads[3] - _dilations[1] * (_kernel[1] - 1) - 1) / _strides[1] + 1;
        }

        public int Rows { get; }

        public int Columns { get; }

        public IEnumerable<(int R, int S, int Row, int Column)> At(int i, int j)
        {
            for (int r = 0; r < _kernel[0]; r++)
            {
                for (int s = 0; s < _kernel[1]; s++)
                {
                    (int row, int column) = (i * _strides[0] + r * _dilations[0] - _pads[0], j * _strides[1] + s * _dilations[1] - _pads[1]);
                    if (row >= 0 && row < _height && column >= 0 && column < _width)
                    {
                        yield return (r, s, row, column);
                    }
                }
            }
        }
    }
}
