using Google.Protobuf;

namespace Kfac.Models;

/// <summary>
/// A protocol-buffer message as its fields, by number, in the order they were added. A message is preceded by its length
/// where it lies inside another, so it must be complete before it is added.
/// </summary>
internal sealed class ProtobufMessage
{
    private readonly List<Action<CodedOutputStream>> _fields = [];
    private int _length;

    public ProtobufMessage Add(int field, long value) =>
        Add(field, WireFormat.WireType.Varint, CodedOutputStream.ComputeInt64Size(value), output => output.WriteInt64(value));

    public ProtobufMessage Add(int field, float value) =>
        Add(field, WireFormat.WireType.Fixed32, CodedOutputStream.ComputeFloatSize(value), output => output.WriteFloat(value));

    public ProtobufMessage Add(int field, string text) =>
        Add(field, WireFormat.WireType.LengthDelimited, CodedOutputStream.ComputeStringSize(text), output => output.WriteString(text));

    public ProtobufMessage Add(int field, byte[] bytes)
    {
        ByteString wrapped = UnsafeByteOperations.UnsafeWrap(bytes);
        return Add(field, WireFormat.WireType.LengthDelimited, CodedOutputStream.ComputeBytesSize(wrapped), output => output.WriteBytes(wrapped));
    }

    public ProtobufMessage Add(int field, ProtobufMessage message)
    {
        int length = message._length;
        return Add(field, WireFormat.WireType.LengthDelimited, checked(CodedOutputStream.ComputeLengthSize(length) + length), output =>
        {
            output.WriteLength(length);
            message.WriteFields(output);
        });
    }

    public void WriteTo(Stream stream)
    {
        using var output = new CodedOutputStream(stream, leaveOpen: true);
        WriteFields(output);
    }

    private ProtobufMessage Add(int field, WireFormat.WireType type, int valueLength, Action<CodedOutputStream> writeValue)
    {
        _length = checked(_length + CodedOutputStream.ComputeTagSize(field) + valueLength);
        _fields.Add(output => output.WriteTag(field, type));
        _fields.Add(writeValue);
        return this;
    }

    private void WriteFields(CodedOutputStream output) => _fields.ForEach(write => write(output));
}
