using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(ColumnConcatenatingTransformer), null, typeof(SignatureLoadModel), "Concatenate columns", ColumnConcatenatingTransformer.LoaderSignature)]

namespace Microsoft.ML.Data;

/// <summary>Adds a vector of all items of some columns.</summary>
public sealed class ColumnConcatenatingTransformer : RowToRowTransformerBase
{
    internal const string LoaderSignature = "ConcatenateColumns";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBCONCT");

    private readonly string _outputColumnName;
    private readonly string[] _inputColumnNames;

    internal ColumnConcatenatingTransformer(string outputColumnName, string[] inputColumnNames)
    {
        _outputColumnName = outputColumnName;
        _inputColumnNames = inputColumnNames;
    }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override ColumnComputation Bind(DataViewSchema inputSchema)
        => new Concatenation(_outputColumnName, [.. _inputColumnNames.Select(name => inputSchema.RequireColumn(name))]);

    private protected override void Write(BinaryWriter writer)
    {
        writer.Write(_outputColumnName);
        writer.Write(_inputColumnNames.Length);
        foreach (string name in _inputColumnNames)
        {
            writer.Write(name);
        }
    }

    private static ColumnConcatenatingTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        BinaryReader reader = OwnFormat.Open(ctx);
        string outputColumnName = reader.ReadString();
        var inputColumnNames = new string[reader.ReadInt32()];
        for (int i = 0; i < inputColumnNames.Length; i++)
        {
            inputColumnNames[i] = reader.ReadString();
        }

        return new ColumnConcatenatingTransformer(outputColumnName, inputColumnNames);
    }
}
