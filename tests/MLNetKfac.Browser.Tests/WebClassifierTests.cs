using System.Net;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Kfac.Networks;
using Microsoft.AspNetCore.Builder;
using Microsoft.ML;
using Microsoft.Playwright;
using WebClassifier;

namespace MLNetKfac.Browser.Tests;

/// <summary>samples/WebClassifier as people and as strangers use it.</summary>
[TestClass]
public sealed class WebClassifierTests
{
    private static readonly string[] Browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private static readonly string Folder = Directory.CreateTempSubdirectory("mlnetkfac-").FullName;

    private static WebApplication Service = null!;

    private static string Address => Service.Urls.Single();

    private static string Bag => Path.Combine(AppContext.BaseDirectory, "samples", "bag", "01.png");

    [ClassInitialize]
    public static async Task StartServer(TestContext _)
    {
        var context = new MLContext(seed: 1);
        ImageFolderDataView pictures = context.Data.LoadImagesFromFolder(Path.Combine(AppContext.BaseDirectory, "samples"), new ImageFolderOptions { ImageSize = (14, 14) });
        ITransformer model = context.Transforms.Conversion.MapValueToKey("Label").Append(context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
        {
            FeatureColumnName = "Image",
            Network = NetworkSpec.For(14, 14, 3).Conv(16, 3).Relu().MaxPool(2).Flatten().Dense(6),
            Epoch = 3,
            Seed = 1,
        })).Fit(pictures);
        context.Model.SaveAtomically(model, pictures.Schema, Path.Combine(Folder, "model.zip"));
        Service = Server.Create(Path.Combine(Folder, "model.zip"), ["--urls", "http://127.0.0.1:0"]);
        await Service.StartAsync();
    }

    [ClassCleanup]
    public static async Task StopServer()
    {
        await Service.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    [TestMethod]
    [DataRow(1280, ColorScheme.Light)]
    [DataRow(1280, ColorScheme.Dark)]
    [DataRow(375, ColorScheme.Light)]
    [DataRow(375, ColorScheme.Dark)]
    public async Task A_picture_gets_bars_and_a_heat_map_on_a_page_without_violations(int width, ColorScheme scheme)
    {
        string browserPath = Browsers.FirstOrDefault(File.Exists) ?? throw new AssertInconclusiveException($"there is no Chromium here: none of {string.Join(", ", Browsers)}");
        using IPlaywright playwright = await Playwright.CreateAsync();
        await using IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = browserPath, Args = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"] });
        IPage page = await browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = width, Height = 900 }, ColorScheme = scheme });
        List<string> errors = [], requests = [];
        page.Console += (_, message) => errors.Add(message.Text);
        page.PageError += (_, error) => errors.Add(error);
        page.Request += (_, request) => requests.Add(request.Url);

        await page.GotoAsync(Address);
        await page.Locator("#file").SetInputFilesAsync(Bag);
        await page.Locator("#guesses li").First.WaitForAsync();
        Assert.AreEqual(6, await page.Locator("#guesses li").CountAsync());
        byte[] plain = await page.Locator("#view").ScreenshotAsync();

        await page.Locator("#explain").PressAsync("Enter");
        await page.Locator("#explain[aria-pressed=true]").WaitForAsync();
        CollectionAssert.AreNotEqual(plain, await page.Locator("#view").ScreenshotAsync(), "warm places show");
        await AssertAccessible(page, width);

        await page.Locator("#start").ClickAsync();
        await page.Locator("#shoot").ClickAsync();
        await page.Locator("#explain:not([disabled])").WaitForAsync();
        await AssertAccessible(page, width);

        Assert.IsEmpty(errors, string.Join(Environment.NewLine, errors));
        Assert.IsEmpty(requests.Where(request => !request.StartsWith(Address, StringComparison.Ordinal) && !request.StartsWith("data:", StringComparison.Ordinal) && !request.StartsWith("blob:", StringComparison.Ordinal)).ToArray(), "nothing is fetched from elsewhere");
    }

    [TestMethod]
    public async Task What_is_no_picture_is_refused_in_a_line()
    {
        byte[] whole = await File.ReadAllBytesAsync(Bag);
        (byte[] Upload, HttpStatusCode Status, string Why)[] hostile =
        [
            ([], HttpStatusCode.UnsupportedMediaType, "it is empty"),
            ("<script>"u8.ToArray(), HttpStatusCode.UnsupportedMediaType, "it is not a JPEG, PNG, BMP, GIF or WebP picture"),
            (whole[..(whole.Length / 2)], HttpStatusCode.UnsupportedMediaType, "cut off"),
            (Claiming(whole, 10_000), HttpStatusCode.RequestEntityTooLarge, "at most 50 million are taken"),
            (Claiming(whole, 30_000), HttpStatusCode.RequestEntityTooLarge, "30000 x 30000 pixels, and at most 50 million are taken"),
            (new byte[Server.MaxUploadBytes + 1], HttpStatusCode.RequestEntityTooLarge, "more than 10 million bytes"),
        ];
        using HttpClient client = new() { BaseAddress = new Uri(Address) };
        foreach ((byte[] upload, HttpStatusCode status, string why) in hostile)
        {
            foreach (string call in (string[])["api/classify", "api/heatmap"])
            {
                using HttpResponseMessage response = await client.PostAsync(new Uri(call, UriKind.Relative), new ByteArrayContent(upload));

                Assert.AreEqual(status, response.StatusCode, why);
                StringAssert.Contains(await response.Content.ReadAsStringAsync(), why);
            }
        }
    }

    [TestMethod]
    public async Task Sixty_four_clients_at_once_all_get_the_answer_of_one()
    {
        byte[] picture = await File.ReadAllBytesAsync(Bag);
        using HttpClient client = new() { BaseAddress = new Uri(Address) };
        string alone = await Classify();

        string[] answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Classify()));

        Assert.IsTrue(Array.TrueForAll(answers, answer => answer == alone));

        async Task<string> Classify()
        {
            using HttpResponseMessage response = await client.PostAsync(new Uri("api/classify", UriKind.Relative), new ByteArrayContent(picture));
            return await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
        }
    }

    private static async Task AssertAccessible(IPage page, int width)
    {
        Assert.AreEqual(width, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"), "nothing is wider than the window");
        AxeResult result = await page.RunAxe();
        Assert.IsEmpty(result.Violations, string.Join(Environment.NewLine, result.Violations.Select(violation => $"{violation.Id}: {violation.Help}: {string.Join("; ", violation.Nodes.Take(3).Select(node => node.Html))}")));
    }

    /// <summary>A PNG whose head claims so many rows and columns, with the checksum to match.</summary>
    private static byte[] Claiming(byte[] png, int side)
    {
        const int Head = 12, Length = 17, Checksum = Head + Length;
        byte[] claiming = [.. png];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(claiming.AsSpan(Head + 4), side);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(claiming.AsSpan(Head + 8), side);
        uint crc = uint.MaxValue;
        foreach (byte value in claiming.AsSpan(Head, Length))
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }

        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(claiming.AsSpan(Checksum), ~crc);
        return claiming;
    }
}
