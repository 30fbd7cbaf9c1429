using Google.Protobuf;

namespace Kfac.Tests.Oracles;

/// <summary>
/// An ONNX file as a reader that knows only the published schema sees it: field numbers as in onnx.proto, unknown fields
/// passed over, numbers packed or not.
/// </summary>
internal sealed class OnnxFile
{
    public OnnxFile(byte[] bytes)
    {
        Message model = new(bytes), graph = model.Single(7);
        IrVersion = model.Number(1);
        Producer = model.Text(2);
        ModelVersion = model.Number(5);
        Description = model.Text(6);
        Opset = model.Messages(8).Single(set => set.Text(1) == "").Number(2);
        Metadata = model.Messages(14).ToDictionary(entry => entry.Text(1), entry => entry.Text(2));
        Inputs = [.. graph.Messages(11).Select(value => new OnnxDeclaration(value))];
        Outputs = [.. graph.Messages(12).Select(value => new OnnxDeclaration(value))];
    }

    public long IrVersion { get; }

    public string Producer { get; }

    public long ModelVersion { get; }

    public string Description { get; }

    public long Opset { get; }

    public Dictionary<string, string> Metadata { get; }

    public OnnxDeclaration[] Inputs { get; }

    public OnnxDeclaration[] Outputs { get; }

    /// <summary>The fields of a protocol-buffer message, by number.</summary>
    internal sealed class Message
    {
        private readonly Dictionary<int, List<object>> _fields = [];

        public Message(byte[] bytes)
        {
            var input = new CodedInputStream(bytes);
            while (input.ReadTag() is var tag and not 0)
            {
                object value = WireFormat.GetTagWireType(tag) switch
                {
                    WireFormat.WireType.Varint => input.ReadInt64(),
                    WireFormat.WireType.Fixed32 => input.ReadFloat(),
                    WireFormat.WireType.LengthDelimited => input.ReadBytes().ToByteArray(),
                    var other => throw new FormatException($"wire type {other}"),
                };
                int field = WireFormat.GetTagFieldNumber(tag);
                _fields.TryAdd(field, []);
                _fields[field].Add(value);
            }
        }

        public bool Has(int field) => _fields.ContainsKey(field);

        public Message Single(int field) => Messages(field).Single();

        public Message[] Messages(int field) => [.. Values(field).Select(value => new Message((byte[])value))];

        public string[] Texts(int field) => [.. Values(field).Select(value => System.Text.Encoding.UTF8.GetString((byte[])value))];

        public string Text(int field) => Texts(field).SingleOrDefault("");

        public long Number(int field) => Numbers(field).SingleOrDefault();

        public long[] Numbers(int field) => [.. Values(field).SelectMany(value => value is byte[] packed ? Unpack(packed) : [(long)value])];

        private IEnumerable<object> Values(int field) => _fields.GetValueOrDefault(field, []);

        private static IEnumerable<long> Unpack(byte[] packed)
        {
            var input = new CodedInputStream(packed);
            while (!input.IsAtEnd)
            {
                yield return input.ReadInt64();
            }
        }
    }
}

/// <summary>An input or output of an ONNX graph.</summary>
internal sealed class OnnxDeclaration
{
    public OnnxDeclaration(OnnxFile.Message value)
    {
        OnnxFile.Message type = value.Single(2).Single(1);
        Name = value.Text(1);
        Doc = value.Text(3);
        Type = type.Number(1) switch { 1 => "float", 7 => "int64", var other => $"type {other}" };
        Shape = [.. type.Single(2).Messages(1).Select(axis => axis.Has(2) ? axis.Text(2) : $"{axis.Number(1)}")];
        Meanings = [.. type.Single(2).Messages(1).Select(axis => axis.Text(3))];
    }

    public string Name { get; }

    public string Doc { get; }

    public string Type { get; }

    public string[] Shape { get; }

    public string[] Meanings { get; }
}
