using System.Text.Json;
using System.Text.Json.Nodes;
using Kfac.Tests.Networks;

namespace Kfac.Tests.Models;

/// <summary>Seeded changes of a network's description that keep it one by its grammar: numbers, options, layers and blocks.</summary>
internal sealed class NetworkMutations
{
    /// <summary>Deeper than any that is accepted.</summary>
    private const int MaxNesting = 40;

    private static readonly int[] Numbers = [-1, 0, 1023, 1024, 1025, 4096, 65_536, 1 << 24, 1 << 28, int.MaxValue];

    private static readonly string[] Words = ["relu", "conv2d", "dense", "residual", "flatten", "batchnorm", "groupnorm", "maxpool2d", "Same", "Valid", "Symmetric", "other"];

    private readonly Random _random;
    private readonly JsonObject _network;

    private NetworkMutations(string description, Random random)
    {
        _random = random;
        _network = JsonNode.Parse(description)!.AsObject();
    }

    /// <summary>One to four changes.</summary>
    public static string Of(string description, Random random)
    {
        var mutation = new NetworkMutations(description, random);
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            mutation.Change();
        }

        return mutation._network.ToJsonString();
    }

    private void Change()
    {
        List<JsonArray> sequences = [.. Sequences(_network)];
        JsonArray layers = sequences[_random.Next(sequences.Count)];
        int at = _random.Next(layers.Count + 1);
        switch (_random.Next(9))
        {
            case 0 when at < layers.Count:
                layers.RemoveAt(at);
                break;
            case 1 when at < layers.Count:
                layers.Insert(_random.Next(layers.Count + 1), layers[at]!.DeepClone());
                break;
            case 2 when at < layers.Count:
                JsonNode moved = layers[at]!;
                layers.RemoveAt(at);
                sequences[0].Insert(_random.Next(sequences[0].Count + 1), moved.DeepClone());
                break;
            case 3:
                JsonArray others = Parse(RandomNetwork.Create(_random.Next(1000)).ToJson())["Layers"]!.AsArray();
                layers.Insert(at, others[_random.Next(others.Count)]!.DeepClone());
                break;
            case 4:
                Nest(layers, at, _random.Next(8) == 0 ? _random.Next(MaxNesting) : 1);
                break;
            case 5 when at < layers.Count && layers[at]!["Body"] is JsonArray body:
                layers[at] = body.DeepClone() is JsonArray { Count: > 0 } inner ? inner[0]!.DeepClone() : new JsonObject();
                break;
            default:
                ChangeValue();
                break;
        }
    }

    /// <summary>Layers become the body of a block, and that the body of another.</summary>
    private void Nest(JsonArray layers, int at, int depth)
    {
        int count = _random.Next(Math.Min(3, layers.Count - at) + 1);
        var body = new JsonArray([.. layers.Skip(at).Take(count).Select(layer => layer!.DeepClone())]);
        for (; count > 0; count--)
        {
            layers.RemoveAt(at);
        }

        for (; depth > 1; depth--)
        {
            body = [Block(body, [])];
        }

        layers.Insert(at, Block(body, _random.Next(3) == 0 ? body.DeepClone().AsArray() : []));
    }

    private static JsonObject Block(JsonArray body, JsonArray shortcut) => new() { ["layer"] = "residual", ["Body"] = body, ["Shortcut"] = shortcut };

    /// <summary>A number, flag or word becomes another, is left out, or gets company.</summary>
    private void ChangeValue()
    {
        List<JsonObject> owners = [_network["Input"]!.AsObject(), .. Sequences(_network).SelectMany(layers => layers).OfType<JsonObject>()];
        JsonObject owner = owners[_random.Next(owners.Count)];
        List<string> names = [.. owner.Where(value => value.Value is JsonValue).Select(value => value.Key)];
        if (names.Count == 0)
        {
            return;
        }

        string name = names[_random.Next(names.Count)];
        JsonValue value = owner[name]!.AsValue();
        switch (_random.Next(20))
        {
            case 0:
                owner.Remove(name);
                break;
            case 1:
                owner[$"{name}2"] = 1;
                break;
            default:
                owner[name] = value.GetValueKind() switch
                {
                    JsonValueKind.True => false,
                    JsonValueKind.False => true,
                    JsonValueKind.String => Words[_random.Next(Words.Length)],
                    _ => Number(isWhole: !value.ToJsonString().Contains('.', StringComparison.Ordinal)),
                };
                break;
        }
    }

    private JsonNode Number(bool isWhole) =>
        !isWhole ? Math.Pow(10, _random.Next(-9, 3)) * (_random.Next(8) - 1) : _random.Next(4) == 0 ? Numbers[_random.Next(Numbers.Length)] : _random.Next(1, 13);

    /// <summary>Every list of layers, the network's first.</summary>
    private static IEnumerable<JsonArray> Sequences(JsonObject owner) =>
        from name in (string[])["Layers", "Body", "Shortcut"]
        where owner[name] is JsonArray
        let layers = owner[name]!.AsArray()
        from sequence in (IEnumerable<JsonArray>)[layers, .. layers.OfType<JsonObject>().SelectMany(Sequences)]
        select sequence;

    private static JsonObject Parse(string description) => JsonNode.Parse(description)!.AsObject();
}
