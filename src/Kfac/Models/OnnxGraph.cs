using System.Buffers.Binary;

namespace Kfac.Models;

/// <summary>
/// The graph of an ONNX file while it grows: operations in the order they run, and the arrays they read. Every value has
/// one name. The numbers are the fields' in ONNX's protocol-buffer schema.
/// </summary>
internal sealed class OnnxGraph
{
    /// <summary>What the names of constants and intermediate values begin with.</summary>
    public const string OwnNames = "network/";

    private const int FloatType = 1, Int64Type = 7;

    private readonly List<ProtobufMessage> _nodes = [];
    private readonly List<ProtobufMessage> _constants = [];
    private readonly List<ProtobufMessage> _inputs = [];
    private readonly List<ProtobufMessage> _outputs = [];

    /// <summary>The batch's axis in a shape: of a size that is known when the graph runs.</summary>
    public static (string Size, string Meaning) Batch => ("N", "DATA_BATCH");

    /// <summary>Declares the graph's input, of type float.</summary>
    /// <param name="name">Name of the value.</param>
    /// <param name="doc">What it is, in words.</param>
    /// <param name="shape">Size and meaning (ONNX's dimension denotation) of each axis; a size that is no number is a variable.</param>
    public void DeclareInput(string name, string doc, params (string Size, string Meaning)[] shape) => _inputs.Add(Declare(name, doc, FloatType, shape));

    /// <summary>Declares a value as an output of the graph; arguments as above.</summary>
    public void DeclareOutput(string name, string doc, bool isIndex, params (string Size, string Meaning)[] shape) =>
        _outputs.Add(Declare(name, doc, isIndex ? Int64Type : FloatType, shape));

    /// <summary>Adds an array that the operations read.</summary>
    /// <returns>Its name in the graph.</returns>
    public string AddConstant(string name, IEnumerable<int> shape, ReadOnlySpan<float> values)
    {
        var tensor = new ProtobufMessage();
        foreach (int size in shape)
        {
            tensor.Add(1, size);
        }

        var bytes = new byte[values.Length * sizeof(float)];
        for (int i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        }

        _constants.Add(tensor.Add(2, FloatType).Add(8, OwnNames + name).Add(9, bytes));
        return OwnNames + name;
    }

    /// <summary>Adds a number that the operations read.</summary>
    /// <returns>Its name in the graph.</returns>
    public string AddScalar(float value) => AddConstant($"scalar_{_constants.Count + 1}", [], [value]);

    /// <summary>Adds the shape that <c>Reshape</c> reads: 0 is the input's size of that axis, -1 what is left.</summary>
    /// <returns>Its name in the graph.</returns>
    public string AddShape(params int[] shape)
    {
        string name = $"{OwnNames}shape_{_constants.Count + 1}";
        var bytes = new byte[shape.Length * sizeof(long)];
        for (int i = 0; i < shape.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * sizeof(long)), shape[i]);
        }

        _constants.Add(new ProtobufMessage().Add(1, shape.Length).Add(2, Int64Type).Add(8, name).Add(9, bytes));
        return name;
    }

    /// <summary>Adds an operation with one result.</summary>
    /// <param name="operation">ONNX's name of it.</param>
    /// <param name="inputs">Names of what it reads.</param>
    /// <param name="attributes">As <see cref="Attribute(string, int)"/> and its likes make them.</param>
    /// <param name="result">Name of the result; null for one of the graph's own.</param>
    /// <returns>The result's name.</returns>
    public string AddNode(string operation, string[] inputs, ProtobufMessage[]? attributes = null, string? result = null)
    {
        string name = $"{OwnNames}{operation.ToLowerInvariant()}_{_nodes.Count + 1}";
        result ??= name;
        var node = new ProtobufMessage();
        foreach (string input in inputs)
        {
            node.Add(1, input);
        }

        node.Add(2, result).Add(3, name).Add(4, operation);
        foreach (ProtobufMessage attribute in attributes ?? [])
        {
            node.Add(5, attribute);
        }

        _nodes.Add(node);
        return result;
    }

    public static ProtobufMessage Attribute(string name, int value) => new ProtobufMessage().Add(1, name).Add(3, value).Add(20, 2);

    public static ProtobufMessage Attribute(string name, string value) => new ProtobufMessage().Add(1, name).Add(4, value).Add(20, 3);

    public static ProtobufMessage Attribute(string name, float value) => new ProtobufMessage().Add(1, name).Add(2, value).Add(20, 1);

    public static ProtobufMessage Attribute(string name, params int[] values)
    {
        ProtobufMessage attribute = new ProtobufMessage().Add(1, name);
        foreach (int value in values)
        {
            attribute.Add(8, value);
        }

        return attribute.Add(20, 7);
    }

    public ProtobufMessage ToMessage(string name)
    {
        var graph = new ProtobufMessage();
        AddAll(1, _nodes);
        graph.Add(2, name);
        AddAll(5, _constants);
        AddAll(11, _inputs);
        AddAll(12, _outputs);
        return graph;

        void AddAll(int field, List<ProtobufMessage> messages) => messages.ForEach(message => graph.Add(field, message));
    }

    private static ProtobufMessage Declare(string name, string doc, int elementType, (string Size, string Meaning)[] shape)
    {
        var axes = new ProtobufMessage();
        foreach ((string size, string meaning) in shape)
        {
            ProtobufMessage axis = int.TryParse(size, out int fixedSize) ? new ProtobufMessage().Add(1, fixedSize) : new ProtobufMessage().Add(2, size);
            axes.Add(1, axis.Add(3, meaning));
        }

        ProtobufMessage type = new ProtobufMessage().Add(1, elementType).Add(2, axes);
        return new ProtobufMessage().Add(1, name).Add(2, new ProtobufMessage().Add(1, type)).Add(3, doc);
    }
}
