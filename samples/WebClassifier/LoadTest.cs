using System.Diagnostics;

namespace WebClassifier;

/// <summary>Many clients at once: is every request answered, always in the same way, and how soon?</summary>
internal static class LoadTest
{
    private const int Clients = 64, RequestsEach = 25;

    /// <returns>0 where every answer was right.</returns>
    public static async Task<int> RunAsync(Uri server, string[] pictures)
    {
        using HttpClient client = new(new SocketsHttpHandler { MaxConnectionsPerServer = Clients }) { BaseAddress = server };
        byte[][] uploads = Array.ConvertAll(pictures, File.ReadAllBytes);
        string[] expected = new string[uploads.Length];
        for (int i = 0; i < uploads.Length; i++)
        {
            (_, expected[i]) = await SendAsync(client, uploads[i]);
        }

        double[] milliseconds = new double[Clients * RequestsEach];
        int right = 0;
        long start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async number =>
        {
            for (int request = number * RequestsEach; request < (number + 1) * RequestsEach; request++)
            {
                (milliseconds[request], string answer) = await SendAsync(client, uploads[request % uploads.Length]);
                if (answer == expected[request % uploads.Length])
                {
                    Interlocked.Increment(ref right);
                }
            }
        }));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Array.Sort(milliseconds);
        Console.WriteLine($"{Clients} clients, {milliseconds.Length} requests: {right} answered as expected, {milliseconds.Length - right} not, {milliseconds.Length / seconds:F0} a second");
        Console.WriteLine($"milliseconds: median {milliseconds[milliseconds.Length / 2]:F0}, 95 % within {milliseconds[milliseconds.Length * 95 / 100]:F0}, longest {milliseconds[^1]:F0}");
        return right == milliseconds.Length ? 0 : 1;
    }

    private static async Task<(double Milliseconds, string Answer)> SendAsync(HttpClient client, byte[] picture)
    {
        long start = Stopwatch.GetTimestamp();
        using ByteArrayContent body = new(picture);
        try
        {
            using HttpResponseMessage response = await client.PostAsync(new Uri("api/classify", UriKind.Relative), body);
            string text = await response.Content.ReadAsStringAsync();
            return (Stopwatch.GetElapsedTime(start).TotalMilliseconds, response.IsSuccessStatusCode ? text : $"{(int)response.StatusCode} {text} {Guid.NewGuid()}");
        }
        catch (HttpRequestException lost)
        {
            return (Stopwatch.GetElapsedTime(start).TotalMilliseconds, $"{lost.Message} {Guid.NewGuid()}");
        }
    }
}
