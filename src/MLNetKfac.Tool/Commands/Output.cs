using System.Text.Json;
using System.Text.Json.Serialization;

namespace MLNetKfac.Tool.Commands;

/// <summary>Results for programs.</summary>
internal static class Output
{
    /// <summary>Names in camel case; figures that are not finite as text.</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes a result to the output, as UTF-8 whatever the console's letters are.</summary>
    public static void Write<T>(T result)
    {
        using Stream output = Console.OpenStandardOutput();
        output.Write([.. JsonSerializer.SerializeToUtf8Bytes(result, Json), (byte)'\n']);
    }
}
