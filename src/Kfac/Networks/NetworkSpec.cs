using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kfac.Networks;

/// <summary>
/// A network as data: the shape of its input images and its layers in order. The last layer's outputs are the class
/// scores (logits). Immutable; the methods that add a layer return a new description.
/// </summary>
/// <example><code>
/// NetworkSpec net = NetworkSpec.For(28, 28, 1)
///     .Conv(32, 3).Relu().MaxPool(2)
///     .Conv(64, 3).Relu().MaxPool(2)
///     .Flatten().Dense(128).Relu().Dense(10);
/// </code></example>
public sealed record NetworkSpec
{
    private static readonly JsonSerializerOptions JsonFormat = new() { Converters = { new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false) } };

    /// <summary>Rows and columns of the largest patch that <see cref="PhotographCnn"/> whitens.</summary>
    private const int LargestPatch = 8;

    /// <summary>Longest reason in a message: names in a text from outside may be of any length.</summary>
    private const int MaxReason = 1_000;

    /// <param name="input">Shape of one input image.</param>
    /// <param name="layers">The layers, first to last.</param>
    /// <exception cref="ArgumentException">A layer cannot take what the one before it gives; the message names it.</exception>
    [JsonConstructor]
    public NetworkSpec(ImageShape input, IReadOnlyList<LayerSpec> layers)
    {
        ArgumentNullException.ThrowIfNull(layers);
        LayerSequence.RequireLayers(layers, nameof(layers));
        if (input.Height < 1 || input.Width < 1 || input.Channels < 1)
        {
            throw new ArgumentException($"input shape must be positive in every dimension, but is {input.Height}x{input.Width}x{input.Channels}", nameof(input));
        }

        LayerSequence.RequireModestSize(input);
        Input = input;
        Layers = [.. layers];
        if (LayerSequence.Flatten(Layers.Skip(1)).Any(layer => layer is Conv2DSpec { Initialization: FilterInitialization.Whitening }))
        {
            throw new ArgumentException("only the first layer's filters can whiten patches of the images", nameof(layers));
        }

        Shapes = LayerSequence.InferShapes(Layers, input);
    }

    /// <summary>Shape of one input image.</summary>
    public ImageShape Input { get; }

    /// <summary>The layers, first to last.</summary>
    public IReadOnlyList<LayerSpec> Layers { get; }

    /// <summary>Shape of one example after each layer; as long as <see cref="Layers"/>.</summary>
    [JsonIgnore]
    public IReadOnlyList<ImageShape> Shapes { get; }

    /// <summary>Shape of one example after the last layer.</summary>
    [JsonIgnore]
    public ImageShape Output => Shapes.Count == 0 ? Input : Shapes[^1];

    /// <summary>A description without layers for images of height × width × channels.</summary>
    public static NetworkSpec For(int height, int width, int channels) => new(new ImageShape(height, width, channels), []);

    /// <summary>
    /// The small CNN that is used when none is given: two 3x3 convolutions and a pooling, again and again while at least
    /// 8 rows and columns are left, with 32, 64 and from then on 128 channels; then a dense layer of 128 units.
    /// </summary>
    /// <param name="input">Shape of one image.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    public static NetworkSpec SmallCnn(ImageShape input, int classes)
    {
        var spec = new NetworkSpec(input, []);
        for (int filters = 32; Math.Min(spec.Output.Height, spec.Output.Width) >= 8; filters = Math.Min(2 * filters, 128))
        {
            spec = spec.Conv(filters, 3).Relu().Conv(filters, 3).Relu().MaxPool(2);
        }

        return spec.Flatten().Dense(128).Relu().Dense(classes);
    }

    /// <summary>
    /// The network for photographs that is used when none is given, after airbench (Jordan 2024) where they are 32 x 32: frozen
    /// filters that whiten patches, then blocks of two 3x3 convolutions with a pooling between them, each convolution with a batch
    /// normalisation and a GELU, until fewer than 6 rows or columns are left; the largest of what is left, and a dense layer.
    /// The first filters take steps of several pixels in images of 72 and more; beyond 350 or so they leave pixels out, and smaller
    /// images serve as well.
    /// </summary>
    /// <param name="input">Shape of one image, at least 8 x 8.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    /// <param name="filters">Filters of the first block; the second has four times as many where it is followed by one block at most, else twice, the others four times. Default 64.</param>
    public static NetworkSpec PhotographCnn(ImageShape input, int classes, int filters = 64)
    {
        int stride = Math.Max(1, (Math.Min(input.Height, input.Width) + 24) / 48), kernel = Math.Min(stride + 1, LargestPatch);
        NetworkSpec spec = new NetworkSpec(input, []).Whiten(2 * Math.Min(kernel * kernel * input.Channels, 4 * kernel + 4), kernel, stride).Gelu();
        int blocks = 0;
        for (int side = Side(); side >= 6; side /= 2)
        {
            blocks++;
        }

        for (int block = 0; block < blocks; block++)
        {
            int width = filters * (block == 0 ? 1 : block < blocks - 2 ? 2 : 4);
            spec = Convolution(Convolution(spec, width).MaxPool(2).BatchNorm().Gelu(), width).BatchNorm().Gelu();
        }

        ImageShape left = spec.Output;
        return spec.Add(new MaxPool2DSpec(left.Height, left.Width, left.Height, left.Width)).Flatten().Dense(classes);

        int Side() => Math.Min(spec.Output.Height, spec.Output.Width);

        static NetworkSpec Convolution(NetworkSpec spec, int width) =>
            spec.Add(new Conv2DSpec(width, 3, 3, UseBias: false) { Initialization = FilterInitialization.Identity });
    }

    /// <summary>
    /// A residual network for small images (He et al. 2016, section 4.2): a 3x3 convolution, three stages of residual blocks
    /// of two 3x3 convolutions each, the second and third stage at half the rows and columns and twice the channels of the one before,
    /// the mean over what is left of rows and columns, and a dense layer. Every convolution is followed by a batch
    /// normalisation and has no bias of its own.
    /// </summary>
    /// <param name="input">Shape of one image.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    /// <param name="blocks">Residual blocks in each stage, at least 1; there are 6·blocks + 2 layers with weights.</param>
    /// <param name="filters">Channels of the first stage.</param>
    public static NetworkSpec ResNet(ImageShape input, int classes, int blocks = 1, int filters = 16)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(blocks, 1);
        NetworkSpec spec = Convolution(new NetworkSpec(input, []), filters, 3, 1).Relu();
        for (int block = 0; block < 3 * blocks; block++)
        {
            int channels = filters << (block / blocks), stride = block > 0 && block % blocks == 0 ? 2 : 1;
            spec = spec.Residual(
                body => Convolution(Convolution(body, channels, 3, stride).Relu(), channels, 3, 1),
                stride == 1 ? null : shortcut => Convolution(shortcut, channels, 1, stride)).Relu();
        }

        return spec.GlobalAveragePool().Dense(classes);

        static NetworkSpec Convolution(NetworkSpec spec, int channels, int kernel, int stride) =>
            spec.Conv(channels, kernel, stride, useBias: false).BatchNorm();
    }

    /// <summary>Adds a square convolution; see <see cref="Conv2DSpec"/>.</summary>
    public NetworkSpec Conv(int filters, int kernel, int stride = 1, Padding padding = Padding.Same, int dilation = 1, int groups = 1, bool useBias = true) =>
        Add(new Conv2DSpec(filters, kernel, kernel, stride, stride, padding, useBias, dilation, dilation, groups));

    /// <summary>Adds a square convolution whose filters whiten the images' patches and stay as they are; see <see cref="FilterInitialization.Whitening"/>. Only as the first layer.</summary>
    /// <param name="filters">Number of filters: two for each eigenvector that is kept.</param>
    /// <param name="kernel">Rows and columns of a patch.</param>
    /// <param name="stride">Rows and columns between neighbouring patches.</param>
    public NetworkSpec Whiten(int filters, int kernel, int stride = 1) =>
        Add(new Conv2DSpec(filters, kernel, kernel, stride, stride, Padding.Valid, UseBias: false) { Initialization = FilterInitialization.Whitening, IsFrozen = true });

    /// <summary>Adds a square depthwise convolution: each channel has a filter of its own.</summary>
    public NetworkSpec DepthwiseConv(int kernel, int stride = 1, Padding padding = Padding.Same, int dilation = 1, bool useBias = true) =>
        Conv(Output.Channels, kernel, stride, padding, dilation, Output.Channels, useBias);

    /// <summary>Adds a ReLU.</summary>
    public NetworkSpec Relu() => Add(new ReluSpec());

    /// <summary>Adds a square max-pooling whose stride is its size.</summary>
    public NetworkSpec MaxPool(int size) => Add(new MaxPool2DSpec(size, size, size, size));

    /// <summary>Adds a square average pooling whose stride is its size.</summary>
    public NetworkSpec AveragePool(int size) => Add(new AveragePool2DSpec(size, size, size, size));

    /// <summary>Adds the mean over all rows and columns: a vector of the channels; see <see cref="GlobalAveragePoolSpec"/>.</summary>
    public NetworkSpec GlobalAveragePool() => Add(new GlobalAveragePoolSpec());

    /// <summary>Adds a leaky ReLU.</summary>
    public NetworkSpec LeakyRelu(float slope = 0.01f) => Add(new LeakyReluSpec(slope));

    /// <summary>Adds a Gaussian error linear unit, in its tanh form; see <see cref="GeluSpec"/>.</summary>
    public NetworkSpec Gelu() => Add(new GeluSpec());

    /// <summary>Adds a dropout; see <see cref="DropoutSpec"/>.</summary>
    public NetworkSpec Dropout(float rate = 0.5f) => Add(new DropoutSpec(rate));

    /// <summary>Adds a flattening.</summary>
    public NetworkSpec Flatten() => Add(new FlattenSpec());

    /// <summary>Adds a fully connected layer.</summary>
    public NetworkSpec Dense(int units) => Add(new DenseSpec(units));

    /// <summary>Adds a batch normalisation; see <see cref="BatchNormSpec"/>.</summary>
    public NetworkSpec BatchNorm(float momentum = 0.9f, float epsilon = 1e-5f) => Add(new BatchNormSpec(momentum, epsilon));

    /// <summary>Adds a normalisation of each example by groups of its channels; see <see cref="GroupNormSpec"/>.</summary>
    public NetworkSpec GroupNorm(int groups, float epsilon = 1e-5f) => Add(new GroupNormSpec(groups, epsilon));

    /// <summary>Adds a normalisation of each example as a whole, over its rows, columns and channels: a <see cref="GroupNormSpec"/> of one group.</summary>
    public NetworkSpec LayerNorm(float epsilon = 1e-5f) => GroupNorm(1, epsilon);

    /// <summary>Adds a residual block, y = body(x) + shortcut(x); see <see cref="ResidualSpec"/>.</summary>
    /// <param name="body">Adds the body's layers to the description it is given.</param>
    /// <param name="shortcut">The same for the shortcut; null for the identity.</param>
    /// <exception cref="ArgumentException">Body and shortcut give different shapes, or a layer cannot take what comes to it.</exception>
    /// <example><code>
    /// net.Residual(body => body.Conv(16, 3, stride: 2).Relu().Conv(16, 3), shortcut => shortcut.Conv(16, 1, stride: 2)).Relu()
    /// </code></example>
    public NetworkSpec Residual(Func<NetworkSpec, NetworkSpec> body, Func<NetworkSpec, NetworkSpec>? shortcut = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        return Add(new ResidualSpec(Branch(body, nameof(body)), shortcut is null ? [] : Branch(shortcut, nameof(shortcut))));

        IReadOnlyList<LayerSpec> Branch(Func<NetworkSpec, NetworkSpec> build, string name)
        {
            NetworkSpec branch = build(new NetworkSpec(Output, []));
            return branch.Input == Output
                ? branch.Layers
                : throw new ArgumentException($"the {name} must go on from the description it is given, whose input is {Output}, but begins with an input of {branch.Input}", name);
        }
    }

    /// <summary>Adds <paramref name="layer"/> at the end.</summary>
    /// <exception cref="ArgumentException">The layer cannot take the current output.</exception>
    public NetworkSpec Add(LayerSpec layer) => new(Input, [.. Layers, layer]);

    /// <summary>Refuses what cannot classify: a network without layers, with nothing to train, or whose output is no vector of classes.</summary>
    /// <param name="name">The parameter at fault.</param>
    /// <exception cref="ArgumentException">It is one of these; the message says which, and what to add.</exception>
    internal void RequireClassifier(string name)
    {
        string? fault = Layers.Count == 0 ? "has no layers: add some, the last of them Dense(classes)"
            : !Layers.Any(layer => layer.HasParameters) ? "has no layer with parameters, and so nothing to train: add a Conv or a Dense"
            : !Output.IsFlat ? $"gives a map of {Output} where one value for each class is expected: end it with Flatten() or GlobalAveragePool(), and Dense(classes)"
            : null;
        if (fault is not null)
        {
            throw new ArgumentException($"the network {fault}", name);
        }
    }

    /// <summary>Number of layers with parameters to train, those of residual blocks included.</summary>
    internal int CountTrainedLayers() => LayerSequence.Flatten(Layers).Count(layer => layer.HasParameters && layer is not ResidualSpec);

    /// <summary>Shape, parameters and multiply-adds of each layer, first to last; the layers of a residual block follow its own line.</summary>
    public IReadOnlyList<LayerSummary> Summarize() => LayerSummary.Of(this);

    /// <summary>A line for the whole and one for each layer: name, settings, output shape, parameters and multiply-adds.</summary>
    public override string ToString()
    {
        IReadOnlyList<LayerSummary> layers = Summarize();
        return string.Join(
            Environment.NewLine,
            [
                FormattableString.Invariant($"{Input} -> {Output}: {layers.Sum(layer => layer.Parameters):N0} parameters, {layers.Sum(layer => layer.MultiplyAdds):N0} multiply-adds"),
                .. layers.Select(layer => FormattableString.Invariant($"  {new string(' ', 2 * layer.Depth) + layer.Name,-20} {layer.Settings,-30} {layer.Output,12} {layer.Parameters,12:N0} {layer.MultiplyAdds,14:N0}").TrimEnd()),
            ]);
    }

    /// <summary>The description as JSON, as stored in a model file.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonFormat);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="FormatException">The text is not a network description.</exception>
    public static NetworkSpec FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<NetworkSpec>(json, JsonFormat) ?? throw new FormatException("the network description is empty");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException)
        {
            string reason = e.Message.Length <= MaxReason ? e.Message : $"{e.Message[..MaxReason]}…";
            throw new FormatException($"not a network description: {reason}", e);
        }
    }

    /// <inheritdoc/>
    public bool Equals(NetworkSpec? other) => other is not null && Input == other.Input && Layers.SequenceEqual(other.Layers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Input, Layers.Count);
}
