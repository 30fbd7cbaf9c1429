using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;

namespace WebClassifier;

/// <summary>The page and three calls: what the model is, what a picture shows, and where the model looks.</summary>
public static class Server
{
    /// <summary>Largest upload, in bytes.</summary>
    public const int MaxUploadBytes = 10_000_000;

    /// <summary>Uploads of up to so many bytes are read to their end before they are refused: who is cut off while sending hears no reason.</summary>
    private const int MaxBytesRead = 4 * MaxUploadBytes;

    /// <summary>Largest picture, by the head of its file.</summary>
    public const int MaxPixels = 50_000_000;

    /// <summary>More than so many requests at once are turned away.</summary>
    private const int MaxRequests = 256;

    /// <param name="modelPath">A saved model with one image classifier that takes images.</param>
    /// <param name="args">Settings of ASP.NET, such as <c>--urls</c>.</param>
    public static WebApplication Create(string modelPath, string[] args)
    {
        // The page lies beside the program, wherever it is started from.
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory, WebRootPath = "wwwroot" });
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Information);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBytesRead;
        });
        builder.Services.AddRateLimiter(limits =>
        {
            limits.RejectionStatusCode = StatusCodes.Status503ServiceUnavailable;
            limits.AddConcurrencyLimiter("uploads", uploads => (uploads.PermitLimit, uploads.QueueLimit, uploads.QueueProcessingOrder) = (MaxRequests, 0, QueueProcessingOrder.OldestFirst));
        });
        builder.Services.AddSingleton(_ => new ClassifierPool(modelPath, Environment.ProcessorCount));

        WebApplication app = builder.Build();
        app.Use((context, next) =>
        {
            context.Response.Headers.ContentSecurityPolicy = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'";
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return next(context);
        });
        app.UseDefaultFiles();
        app.UseStaticFiles();
        app.UseRateLimiter();

        app.MapGet("/api/model", (ClassifierPool pool) => new { pool.Classes, pool.Height, pool.Width, MaxUploadBytes });
        app.MapPost("/api/classify", (HttpRequest request, ClassifierPool pool) => AnswerAsync(request, pool, (engine, picture) => engine.Classify(picture))).RequireRateLimiting("uploads");
        app.MapPost("/api/heatmap", (HttpRequest request, ClassifierPool pool) => AnswerAsync(request, pool, (engine, picture) => engine.Explain(picture))).RequireRateLimiting("uploads");

        // A model that cannot be loaded ends the program now, not the first request.
        _ = app.Services.GetRequiredService<ClassifierPool>();
        return app;
    }

    /// <summary>Reads the upload, looks at its head, and lends an engine to <paramref name="work"/>. What is wrong with a picture comes back as 4xx and a line of text.</summary>
    private static async Task<IResult> AnswerAsync<TAnswer>(HttpRequest request, ClassifierPool pool, Func<ClassifierEngine, MemoryStream, TAnswer> work)
    {
        try
        {
            using MemoryStream upload = new();
            if (!await TryReadAsync(request, upload))
            {
                return Refuse(StatusCodes.Status413PayloadTooLarge, TooManyBytes);
            }

            upload.Position = 0;
            (int height, int width) = MLNetKfac.ImageFile.Measure(upload);
            if ((long)height * width > MaxPixels)
            {
                return Refuse(StatusCodes.Status413PayloadTooLarge, $"the picture has {width} x {height} pixels, and at most {MaxPixels / 1_000_000} million are taken");
            }

            upload.Position = 0;
            return Results.Ok(await pool.UseAsync(engine => work(engine, upload), request.HttpContext.RequestAborted));
        }
        catch (FormatException damage)
        {
            return Refuse(StatusCodes.Status415UnsupportedMediaType, damage.Message);
        }
        catch (BadHttpRequestException refusal)
        {
            return Refuse(refusal.StatusCode, refusal.StatusCode == StatusCodes.Status413PayloadTooLarge ? TooManyBytes : "the upload broke off");
        }
    }

    private static string TooManyBytes => $"the upload has more than {MaxUploadBytes / 1_000_000} million bytes";

    /// <returns>False, and nothing kept, where there is too much.</returns>
    private static async Task<bool> TryReadAsync(HttpRequest request, MemoryStream upload)
    {
        byte[] chunk = new byte[1 << 16];
        bool fits = true;
        for (int read; (read = await request.Body.ReadAsync(chunk, request.HttpContext.RequestAborted)) > 0;)
        {
            fits &= upload.Length + read <= MaxUploadBytes;
            if (fits)
            {
                upload.Write(chunk, 0, read);
            }
            else
            {
                upload.SetLength(0);
            }
        }

        return fits;
    }

    private static IResult Refuse(int status, string why) => Results.Text(why, "text/plain", statusCode: status);
}
