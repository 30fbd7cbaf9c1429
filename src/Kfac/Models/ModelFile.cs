using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Kfac.Images;
using Kfac.Memory;
using Kfac.Networks;
using Kfac.Running;

namespace Kfac.Models;

/// <summary>What a model file holds.</summary>
/// <param name="Spec">The network.</param>
/// <param name="Parameters">Its parameters.</param>
/// <param name="Scaling">What is done to its input.</param>
/// <param name="History">The reports of its training.</param>
/// <param name="Recipe">What its training went by; null where that is not kept.</param>
/// <param name="Prediction">How probabilities come of its class scores.</param>
/// <param name="OptimizerState">What its optimizer remembered; null where that is not kept.</param>
internal sealed record StoredModel(NetworkSpec Spec, ParameterStore Parameters, InputScaling Scaling, IReadOnlyList<EpochReport> History, TrainingRecipe? Recipe, StoredPrediction Prediction, StateDictionary? OptimizerState);

/// <summary>How probabilities come of class scores; see <see cref="ImageClassifier"/>.</summary>
internal readonly record struct StoredPrediction(float Temperature, AveragedViews Views)
{
    public static StoredPrediction Plain => new(1, default);
}

/// <summary>
/// The format of a trained network: an 8-byte mark, a version, the length of the body, the body (description as JSON,
/// history, scaling, from version 3 on how to predict, in version 4 the recipe, parameters as little-endian floats, the optimizer's state where there is one) and the SHA-256 of all that. docs/model-format.md has it in full.
/// </summary>
/// <remarks>
/// Reading trusts nothing: no memory is asked for beyond what the stream really delivers, and every length in the body
/// must agree with the description.
/// </remarks>
internal static class ModelFile
{
    private const uint WithoutState = 1, WithState = 2, WithPrediction = 3, WithRecipe = 4;

    private const int HeaderLength = 8 + 4 + 8;

    /// <summary>Largest description, in bytes: thousands of layers, and an end to what a hostile one can cost.</summary>
    private const int MaxDescription = 1 << 20;

    private static ReadOnlySpan<byte> Mark => "KFACNET\n"u8;

    public static void Write(StoredModel model, Stream stream)
    {
        using var body = new MemoryStream();
        using var writer = new BinaryWriter(body, Encoding.UTF8);
        WriteText(writer, model.Spec.ToJson());
        WriteText(writer, TrainingHistory.ToJson(model.History));
        WriteFloats(writer, [.. model.Scaling.Mean]);
        WriteFloats(writer, [.. model.Scaling.Factor]);
        uint version = model.Recipe is not null ? WithRecipe : model.Prediction != StoredPrediction.Plain ? WithPrediction : model.OptimizerState is null ? WithoutState : WithState;
        if (version >= WithPrediction)
        {
            AveragedViews views = model.Prediction.Views;
            WriteFloats(writer, [model.Prediction.Temperature, (views.Mirrored ? 1 : 0) + (views.Shifted ? 2 : 0), model.OptimizerState is null ? 0 : 1]);
        }

        if (model.Recipe is { } recipe)
        {
            WriteText(writer, recipe.ToJson());
        }

        foreach (Parameter parameter in model.Parameters.Parameters)
        {
            WriteFloats(writer, parameter.Values);
        }

        writer.Flush();
        model.OptimizerState?.Write(body);
        var header = new byte[HeaderLength];
        Mark.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), version);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(12), body.Length);
        stream.Write(header);
        body.WriteTo(stream);
        stream.Write(Checksum(header, body.GetBuffer().AsSpan(0, (int)body.Length)));
    }

    /// <exception cref="FormatException">The stream does not hold a whole, undamaged model of a known version; the message says what is wrong.</exception>
    public static StoredModel Read(Stream stream)
    {
        byte[] header = ReadExactly(stream, HeaderLength, "header");
        if (!header.AsSpan().StartsWith(Mark))
        {
            throw new FormatException("not a K-FAC model: it does not begin with the format's mark");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8));
        if (version is < WithoutState or > WithRecipe)
        {
            throw new FormatException($"the model has format version {version}, but this library reads versions {WithoutState} to {WithRecipe}");
        }

        byte[] body = ReadExactly(stream, BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(12)), "body");
        byte[] checksum = ReadExactly(stream, SHA256.HashSizeInBytes, "checksum");
        if (!checksum.AsSpan().SequenceEqual(Checksum(header, body)))
        {
            throw new FormatException("the model is damaged: its checksum does not match its content");
        }

        return ReadBody(new ModelReader(body), version);
    }

    private static StoredModel ReadBody(ModelReader reader, uint version)
    {
        NetworkSpec spec = ReadSpec(reader);
        EpochReport[] history = TrainingHistory.FromJson(reader.ReadText("history"));
        int channels = spec.Input.Channels;
        var scaling = new InputScaling(spec.Input, reader.ReadFloats(channels, "scaling mean"), reader.ReadFloats(channels, "scaling factor"));
        int wrong = scaling.Factor.ToList().FindIndex(factor => factor <= 0);
        if (wrong >= 0)
        {
            throw new FormatException($"value {wrong} of the model's scaling factor is {scaling.Factor[wrong]}, but must be above 0");
        }

        (StoredPrediction prediction, bool hasState) = version >= WithPrediction ? ReadPrediction(reader) : (StoredPrediction.Plain, version == WithState);
        TrainingRecipe? recipe = version == WithRecipe ? TrainingRecipe.FromJson(reader.ReadText("recipe")) : null;
        ParameterStore parameters = LayOut(spec);
        long expected = parameters.Parameters.Sum(parameter => sizeof(int) + (long)sizeof(float) * parameter.Length);
        if (hasState ? expected > reader.Remaining : expected != reader.Remaining)
        {
            throw new FormatException($"the model's parameters take {reader.Remaining} bytes, but its network needs {expected}");
        }

        foreach (Parameter parameter in parameters.Parameters)
        {
            reader.ReadFloats(parameter.MutableValues, parameter.Name);
            parameter.RequirePossible();
        }

        return new StoredModel(spec, parameters, scaling, history, recipe, prediction, hasState ? ReadState(reader) : null);
    }

    private static (StoredPrediction Prediction, bool HasState) ReadPrediction(ModelReader reader)
    {
        float[] values = reader.ReadFloats(3, "prediction");
        return values[0] > 0 && values[1] is 0 or 1 or 2 or 3 && values[2] is 0 or 1
            ? (new StoredPrediction(values[0], new AveragedViews(Mirrored: values[1] is 1 or 3, Shifted: values[1] is 2 or 3)), values[2] == 1)
            : throw new FormatException($"the model's prediction is {string.Join(", ", values)}, but must be a temperature above 0, one of 0 to 3, and 0 or 1");
    }

    /// <exception cref="FormatException">There is no network, or one that <c>Fit</c> refuses, too.</exception>
    private static NetworkSpec ReadSpec(ModelReader reader)
    {
        NetworkSpec spec = NetworkSpec.FromJson(reader.ReadText("description", MaxDescription));
        try
        {
            spec.RequireClassifier(nameof(spec));
            return spec;
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"the model cannot be used: {e.Message}", e);
        }
    }

    private static StateDictionary ReadState(ModelReader reader)
    {
        using MemoryStream rest = reader.Rest();
        var state = StateDictionary.Read(rest);
        return rest.Position == rest.Length ? state : throw new FormatException($"{rest.Length - rest.Position} bytes follow the model's optimizer state");
    }

    private static ParameterStore LayOut(NetworkSpec spec)
    {
        try
        {
            return ParameterLayout.Of(spec);
        }
        catch (OverflowException e)
        {
            throw new FormatException("the model's network is too large", e);
        }
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write(bytes.Length);
        writer.Write(bytes);
    }

    private static void WriteFloats(BinaryWriter writer, ReadOnlySpan<float> values)
    {
        writer.Write(values.Length);
        foreach (float value in values)
        {
            writer.Write(value);
        }
    }

    private static byte[] Checksum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        hash.AppendData(body);
        return hash.GetHashAndReset();
    }

    /// <summary>Reads <paramref name="length"/> bytes, growing with what arrives, so that a false length costs nothing.</summary>
    private static byte[] ReadExactly(Stream stream, long length, string what)
    {
        if (length is < 0 || length > Array.MaxLength)
        {
            throw new FormatException($"the model's {what} claims {length} bytes");
        }

        using var read = new MemoryStream();
        var chunk = new byte[Math.Min(length, 1 << 20)];
        while (read.Length < length)
        {
            int count = stream.Read(chunk, 0, (int)Math.Min(chunk.Length, length - read.Length));
            if (count == 0)
            {
                throw new FormatException($"the model ends early: {what} of {length} bytes, but only {read.Length} are there");
            }

            read.Write(chunk, 0, count);
        }

        return read.ToArray();
    }
}
