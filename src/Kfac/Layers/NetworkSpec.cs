using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kfac.Layers;

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
    /// <summary>Most values one example may have anywhere in the network: 1 GiB of floats.</summary>
    private const int MostValues = 1 << 28;

    private static readonly JsonSerializerOptions JsonFormat = new() { Converters = { new JsonStringEnumConverter() } };

    /// <param name="input">Shape of one input image.</param>
    /// <param name="layers">The layers, first to last.</param>
    /// <exception cref="ArgumentException">A layer cannot take what the one before it gives; the message names it.</exception>
    [JsonConstructor]
    public NetworkSpec(ImageShape input, IReadOnlyList<LayerSpec> layers)
    {
        ArgumentNullException.ThrowIfNull(layers);
        if (layers.Contains(null!))
        {
            throw new ArgumentException("a layer is null", nameof(layers));
        }

        if (input.Height < 1 || input.Width < 1 || input.Channels < 1)
        {
            throw new ArgumentException($"input shape must be positive in every dimension, but is {input.Height}x{input.Width}x{input.Channels}", nameof(input));
        }

        RequireModestSize(input);
        Input = input;
        Layers = [.. layers];
        Shapes = InferShapes();
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

    /// <summary>Adds a square convolution; see <see cref="Conv2DSpec"/>.</summary>
    public NetworkSpec Conv(int filters, int kernel, int stride = 1, Padding padding = Padding.Same) =>
        Add(new Conv2DSpec(filters, kernel, kernel, stride, stride, padding));

    /// <summary>Adds a rectifier.</summary>
    public NetworkSpec Relu() => Add(new ReluSpec());

    /// <summary>Adds a square max-pooling whose stride is its size.</summary>
    public NetworkSpec MaxPool(int size) => Add(new MaxPool2DSpec(size, size, size, size));

    /// <summary>Adds a flattening.</summary>
    public NetworkSpec Flatten() => Add(new FlattenSpec());

    /// <summary>Adds a fully connected layer.</summary>
    public NetworkSpec Dense(int units) => Add(new DenseSpec(units));

    /// <summary>Adds <paramref name="layer"/> at the end.</summary>
    /// <exception cref="ArgumentException">The layer cannot take the current output.</exception>
    public NetworkSpec Add(LayerSpec layer) => new(Input, [.. Layers, layer]);

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
            throw new FormatException($"not a network description: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public bool Equals(NetworkSpec? other) => other is not null && Input == other.Input && Layers.SequenceEqual(other.Layers);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Input, Layers.Count);

    private static void RequireModestSize(ImageShape shape)
    {
        if ((double)shape.Height * shape.Width * shape.Channels > MostValues)
        {
            throw new ArgumentException($"one example of {shape.Height}x{shape.Width}x{shape.Channels} has more than {MostValues} values");
        }
    }

    private ImageShape[] InferShapes()
    {
        var shapes = new ImageShape[Layers.Count];
        ImageShape shape = Input;
        bool flattened = false;
        for (int i = 0; i < shapes.Length; i++)
        {
            try
            {
                if (flattened && Layers[i] is (Conv2DSpec or MaxPool2DSpec))
                {
                    throw new ArgumentException("it works on images, but a layer before it has made a vector of them");
                }

                flattened |= Layers[i] is FlattenSpec or DenseSpec;
                shape = Layers[i].InferOutput(shape);
                RequireModestSize(shape);
                shapes[i] = shape;
            }
            catch (ArgumentException e)
            {
                throw new ArgumentException($"layer {i + 1} of {shapes.Length} ({Layers[i]}), on an input of {shape}: {e.Message}", nameof(Layers), e);
            }
        }

        return shapes;
    }
}
