using System.Text.Encodings.Web;
using System.Text.Json;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Networks;

namespace Kfac.Models;

/// <summary>
/// A trained network as an ONNX file: scaling of the pixels, the layers on [N, C, H, W], softmax. docs/onnx.md says what
/// comes of each layer.
/// </summary>
internal sealed class OnnxExport
{
    /// <summary>What ONNX Runtime 1.7 and everything since reads.</summary>
    private const int Opset = 13, IrVersion = 7;

    /// <summary>A protocol-buffer message ends at 2 GB; half a MB is more than all but the parameters take.</summary>
    private const long MaxParameters = (int.MaxValue - (1 << 19)) / sizeof(float);

    private static readonly JsonSerializerOptions ReadableNames = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly OnnxGraph _graph = new();
    private readonly Queue<Parameter> _parameters;

    private OnnxExport(IEnumerable<Parameter> parameters)
    {
        _parameters = new Queue<Parameter>(parameters);
    }

    /// <exception cref="ArgumentException">The options do not go with the model, or are no four names.</exception>
    /// <exception cref="NotSupportedException">A layer has no counterpart in ONNX, or the parameters are more than a file can hold; the message says which or how many.</exception>
    public static void Write(ImageClassifier model, OnnxExportOptions options, Stream stream)
    {
        (NetworkSpec spec, IReadOnlyList<Parameter> parameters) = (model.Spec, model.Parameters);
        options.Validate(spec.Output.Size);
        long values = parameters.Sum(parameter => (long)parameter.Length);
        if (values > MaxParameters)
        {
            throw new NotSupportedException($"the network has {values} parameters, but an ONNX file holds {MaxParameters} at most");
        }

        var export = new OnnxExport(parameters);
        Value pixels = export.AddInput(spec.Input, model.Scaling, options);
        Value last = export.AddViews(pixels, model.Views.Of(spec.Input), all => export.AddLayers(spec.Layers, all));
        export.AddOutputs(last, model.Temperature, options);
        export.Describe(spec, options).WriteTo(stream);
    }

    private ProtobufMessage Describe(NetworkSpec spec, OnnxExportOptions options)
    {
        ProtobufMessage model = new ProtobufMessage()
            .Add(1, IrVersion)
            .Add(2, "MLNetKfac")
            .Add(3, typeof(OnnxExport).Assembly.GetName().Version!.ToString(fieldCount: 3))
            .Add(5, options.ModelVersion)
            .Add(6, options.Description ?? $"Classifies images of {spec.Input} into {spec.Output.Size} classes.")
            .Add(7, _graph.ToMessage("image_classifier"))
            .Add(8, new ProtobufMessage().Add(1, "").Add(2, Opset));
        AddMetadata("input_layout", options.ChannelsFirst ? "NCHW" : "NHWC");
        if (options.ClassNames is { } names)
        {
            AddMetadata("class_names", JsonSerializer.Serialize(names, ReadableNames));
        }

        return model;

        void AddMetadata(string key, string value) => model.Add(14, new ProtobufMessage().Add(1, key).Add(2, value));
    }

    /// <summary>x' = (x - mean) · factor, channel by channel, on [N, C, H, W].</summary>
    private Value AddInput(ImageShape shape, InputScaling scaling, OnnxExportOptions options)
    {
        (string, string) rows = ($"{shape.Height}", "DATA_FEATURE"), columns = ($"{shape.Width}", "DATA_FEATURE"), channels = ($"{shape.Channels}", "DATA_CHANNEL");
        string order = options.ChannelsFirst ? "[N, C, H, W]" : "[N, H, W, C]", name = options.InputName;
        string doc = $"Pixels {order} of {shape.Channels} channel(s), in the unit of the training images; the graph scales them itself.";
        if (options.ChannelsFirst)
        {
            _graph.DeclareInput(name, doc, OnnxGraph.Batch, channels, rows, columns);
        }
        else
        {
            _graph.DeclareInput(name, doc, OnnxGraph.Batch, rows, columns, channels);
            name = _graph.AddNode("Transpose", [name], [OnnxGraph.Attribute("perm", 0, 3, 1, 2)]);
        }

        int[] perChannel = [1, shape.Channels, 1, 1];
        name = _graph.AddNode("Sub", [name, _graph.AddConstant("scaling/mean", perChannel, [.. scaling.Mean])]);
        name = _graph.AddNode("Mul", [name, _graph.AddConstant("scaling/factor", perChannel, [.. scaling.Factor])]);
        return new Value(name, shape, IsVector: false);
    }

    /// <summary>The weighted mean of what the layers make of the views of the images.</summary>
    private Value AddViews(Value x, IReadOnlyList<ImageView> views, Func<Value, Value> layers)
    {
        if (views.Count == 1)
        {
            return layers(x);
        }

        string all = _graph.AddNode("Concat", [.. views.Select(view => AddView(x, view))], [OnnxGraph.Attribute("axis", 0)]);
        Value scores = AsVector(layers(x with { Name = all }));
        string rows = _graph.AddNode("Reshape", [scores.Name, _graph.AddShape(views.Count, -1, scores.Shape.Size)]);
        string weights = _graph.AddConstant("view_weights", [views.Count, 1, 1], [.. views.Select(view => view.Weight)]);
        string weighted = _graph.AddNode("Mul", [rows, weights]);
        return scores with { Name = _graph.AddNode("ReduceSum", [weighted, _graph.AddShape(0)], [OnnxGraph.Attribute("keepdims", 0)]) };
    }

    private string AddView(Value x, ImageView view)
    {
        string name = x.Name;
        if (view.Shift != 0)
        {
            int size = Math.Abs(view.Shift), first = size - view.Shift;
            string padded = _graph.AddNode("Pad", [name, _graph.AddShape(0, 0, size, size, 0, 0, size, size)], [OnnxGraph.Attribute("mode", "edge")]);
            name = _graph.AddNode("Slice", [padded, _graph.AddShape(first, first), _graph.AddShape(first + x.Shape.Height, first + x.Shape.Width), _graph.AddShape(2, 3)]);
        }

        return view.IsMirrored ? _graph.AddNode("Slice", [name, _graph.AddShape(-1), _graph.AddShape(-x.Shape.Width - 1), _graph.AddShape(3), _graph.AddShape(-1)]) : name;
    }

    private void AddOutputs(Value last, float temperature, OnnxExportOptions options)
    {
        Value vector = AsVector(last);
        string logits = _graph.AddNode("Identity", [vector.Name], result: options.LogitsName);
        ProtobufMessage[] classAxis = [OnnxGraph.Attribute("axis", 1)];
        string tempered = temperature == 1 ? logits : _graph.AddNode("Div", [logits, _graph.AddScalar(temperature)]);
        _graph.AddNode("Softmax", [tempered], classAxis, options.ScoreName);
        _graph.AddNode("ArgMax", [logits], [.. classAxis, OnnxGraph.Attribute("keepdims", 0)], options.PredictedLabelName);
        (string, string) classes = ($"{vector.Shape.Size}", "DATA_CHANNEL");
        _graph.DeclareOutput(options.ScoreName, "Probability of each class.", isIndex: false, OnnxGraph.Batch, classes);
        _graph.DeclareOutput(options.PredictedLabelName, "Index of the most probable class, from 0.", isIndex: true, OnnxGraph.Batch);
        _graph.DeclareOutput(options.LogitsName, "What the last layer gives, before temperature and softmax.", isIndex: false, OnnxGraph.Batch, classes);
    }

    private Value AddLayers(IEnumerable<LayerSpec> layers, Value x) => layers.Aggregate(x, AddLayer);

    /// <summary>The table of layers; each method takes the layer's input to its output.</summary>
    private Value AddLayer(Value x, LayerSpec layer)
    {
        string name = layer switch
        {
            Conv2DSpec conv => AddConvolution(x, conv),
            DenseSpec dense => AddDense(x, dense),
            MaxPool2DSpec pool => AddPooling("MaxPool", x, pool.Height, pool.Width, pool.StrideY, pool.StrideX),
            AveragePool2DSpec pool => AddPooling("AveragePool", x, pool.Height, pool.Width, pool.StrideY, pool.StrideX),
            GlobalAveragePoolSpec => _graph.AddNode("GlobalAveragePool", [x.Name]),
            ReluSpec => _graph.AddNode("Relu", [x.Name]),
            LeakyReluSpec leaky => _graph.AddNode("LeakyRelu", [x.Name], [OnnxGraph.Attribute("alpha", leaky.Slope)]),
            GeluSpec => AddGelu(x.Name),
            DropoutSpec => x.Name,
            FlattenSpec => AsVector(x).Name,
            BatchNormSpec norm => _graph.AddNode("BatchNormalization", [x.Name, AddNext(), AddNext(), AddNext(), AddNext()], [OnnxGraph.Attribute("epsilon", norm.Epsilon)]),
            GroupNormSpec norm => AddGroupNormalization(x, norm),
            ResidualSpec residual => AddResidual(x, residual),
            _ => throw new NotSupportedException($"a layer of kind {layer.GetType().Name} cannot be exported to ONNX"),
        };
        return new Value(name, layer.InferOutput(x.Shape), x.IsVector || layer.MakesVector);
    }

    private string AddConvolution(Value x, Conv2DSpec spec)
    {
        Window window = spec.WindowOn(x.Shape);
        Parameter filter = _parameters.Dequeue();
        (int taps, int channels, int filters) = (spec.KernelHeight * spec.KernelWidth, filter.Shape[2], filter.Shape[3]);
        ReadOnlySpan<float> from = filter.Values;
        var to = new float[filter.Length];
        for (int i = 0; i < to.Length; i++)
        {
            // [R, S, C / groups, K] to [K, C / groups, R, S]
            (int tap, int channel, int k) = (i / filters / channels, i / filters % channels, i % filters);
            to[(k * channels + channel) * taps + tap] = from[i];
        }

        string weights = _graph.AddConstant(filter.Name, [filters, channels, spec.KernelHeight, spec.KernelWidth], to);
        return _graph.AddNode("Conv", spec.UseBias ? [x.Name, weights, AddNext()] : [x.Name, weights],
        [
            OnnxGraph.Attribute("kernel_shape", spec.KernelHeight, spec.KernelWidth),
            OnnxGraph.Attribute("strides", spec.StrideY, spec.StrideX),
            OnnxGraph.Attribute("pads", window.PadTop, window.PadLeft, window.PadBottom, window.PadRight),
            OnnxGraph.Attribute("dilations", spec.DilationY, spec.DilationX),
            OnnxGraph.Attribute("group", spec.Groups),
        ]);
    }

    private string AddDense(Value x, DenseSpec spec)
    {
        string vector = AsVector(x).Name, weights = AddNext();
        return _graph.AddNode("Gemm", spec.UseBias ? [vector, weights, AddNext()] : [vector, weights]);
    }

    private string AddPooling(string operation, Value x, int height, int width, int strideY, int strideX) =>
        _graph.AddNode(operation, [x.Name], [OnnxGraph.Attribute("kernel_shape", height, width), OnnxGraph.Attribute("strides", strideY, strideX)]);

    /// <summary>y = x · (1/2 + tanh(√(2/π) · (x + 0.044715 x³)) / 2); ONNX has it as one operation from opset 20 on.</summary>
    private string AddGelu(string x)
    {
        string cubed = Multiply(Multiply(x, x), x);
        string inner = _graph.AddNode("Add", [x, Scale(cubed, 0.044715f)]);
        string tanh = _graph.AddNode("Tanh", [Scale(inner, MathF.Sqrt(2 / MathF.PI))]);
        return Multiply(x, _graph.AddNode("Add", [Scale(tanh, 0.5f), _graph.AddScalar(0.5f)]));

        string Multiply(string a, string b) => _graph.AddNode("Mul", [a, b]);
        string Scale(string a, float factor) => Multiply(a, _graph.AddScalar(factor));
    }

    /// <summary>The groups as channels of [N, G, ·], each brought to mean 0 and variance 1; then scale and shift by channel.</summary>
    private string AddGroupNormalization(Value x, GroupNormSpec spec)
    {
        (int groups, int channels) = (spec.Groups, x.Shape.Channels);
        float[] ones = new float[groups];
        Array.Fill(ones, 1);
        (Parameter scale, Parameter shift) = (_parameters.Dequeue(), _parameters.Dequeue());
        string grouped = _graph.AddNode("Reshape", [x.Name, _graph.AddShape(0, groups, -1)]);
        string normal = _graph.AddNode(
            "InstanceNormalization",
            [grouped, _graph.AddConstant($"{scale.Name}/none", [groups], ones), _graph.AddConstant($"{shift.Name}/none", [groups], new float[groups])],
            [OnnxGraph.Attribute("epsilon", spec.Epsilon)]);
        string apart = _graph.AddNode("Reshape", [normal, x.IsVector ? _graph.AddShape(0, channels) : _graph.AddShape(0, channels, x.Shape.Height, x.Shape.Width)]);
        int[] perChannel = x.IsVector ? [channels] : [channels, 1, 1];
        string scaled = _graph.AddNode("Mul", [apart, _graph.AddConstant(scale.Name, perChannel, scale.Values)]);
        return _graph.AddNode("Add", [scaled, _graph.AddConstant(shift.Name, perChannel, shift.Values)]);
    }

    private string AddResidual(Value x, ResidualSpec spec)
    {
        Value body = AddLayers(spec.Body, x), shortcut = AddLayers(spec.Shortcut, x);
        return _graph.AddNode("Add", spec.MakesVector ? [AsVector(body).Name, AsVector(shortcut).Name] : [body.Name, shortcut.Name]);
    }

    /// <summary>[N, C, H, W] as [N, H·W·C], in the order in which this library flattens.</summary>
    private Value AsVector(Value x)
    {
        if (x.IsVector)
        {
            return x;
        }

        bool sameOrder = x.Shape.IsFlat || x.Shape.Channels == 1;
        string name = sameOrder ? x.Name : _graph.AddNode("Transpose", [x.Name], [OnnxGraph.Attribute("perm", 0, 2, 3, 1)]);
        return new Value(_graph.AddNode("Flatten", [name], [OnnxGraph.Attribute("axis", 1)]), ImageShape.Flat(x.Shape.Size), IsVector: true);
    }

    /// <summary>The next parameter as it is.</summary>
    private string AddNext()
    {
        Parameter parameter = _parameters.Dequeue();
        return _graph.AddConstant(parameter.Name, parameter.Shape, parameter.Values);
    }

    /// <summary>A value of the graph.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Shape">Shape of one example, as this library has it.</param>
    /// <param name="IsVector">Whether it is [N, F] and not [N, C, H, W].</param>
    private readonly record struct Value(string Name, ImageShape Shape, bool IsVector);
}
