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

    /// <summary>Writes a result to the output.</summary>
    public static void Write<T>(T result) => Console.WriteLine(JsonSerializer.Serialize(result, Json));
}
