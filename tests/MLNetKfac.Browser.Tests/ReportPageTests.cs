using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Kfac.Networks;
using Microsoft.ML;
using Microsoft.Playwright;

namespace MLNetKfac.Browser.Tests;

/// <summary>A report in a real browser: accessible, whole on a phone, and at peace with itself.</summary>
[TestClass]
public sealed class ReportPageTests
{
    /// <summary>Where Linux distributions put it.</summary>
    private static readonly string[] Browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private static readonly string Folder = Directory.CreateTempSubdirectory("mlnetkfac-").FullName;

    private static string Page => Path.Combine(Folder, "report.html");

    public TestContext TestContext { get; set; } = null!;

    [ClassInitialize]
    public static void WriteReport(TestContext _)
    {
        var context = new MLContext(seed: 1);
        (ImageFolderDataView training, ImageFolderDataView test) = context.Data.LoadImagesFromFolder(Path.Combine(AppContext.BaseDirectory, "samples"), new ImageFolderOptions { ImageSize = (14, 14) }).Split(0.25, seed: 1);
        ITransformer model = context.Transforms.Conversion.MapValueToKey("Label").Append(context.MulticlassClassification.Trainers.KfacImageClassification(new KfacImageClassificationTrainer.Options
        {
            FeatureColumnName = "Image",
            Network = NetworkSpec.For(14, 14, 3).Conv(16, 3).Relu().MaxPool(2).Flatten().Dense(6),
            Epoch = 3,
            Seed = 1,
            ValidationSetFraction = 0.2f,
        })).Fit(training);
        TrainingReport.Create(model, test).Save(Page);
    }

    [ClassCleanup]
    public static void DeleteReport() => Directory.Delete(Folder, recursive: true);

    [TestMethod]
    [DataRow(1280, ColorScheme.Light)]
    [DataRow(1280, ColorScheme.Dark)]
    [DataRow(375, ColorScheme.Light)]
    [DataRow(375, ColorScheme.Dark)]
    public async Task It_has_no_violations_no_errors_and_fits_the_width(int width, ColorScheme scheme)
    {
        string browserPath = Browsers.FirstOrDefault(File.Exists) ?? throw new AssertInconclusiveException($"there is no Chromium here: none of {string.Join(", ", Browsers)}");
        using IPlaywright playwright = await Playwright.CreateAsync();
        await using IBrowser browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = browserPath, Args = ["--no-sandbox"] });
        IPage page = await browser.NewPageAsync(new BrowserNewPageOptions { ViewportSize = new ViewportSize { Width = width, Height = 900 }, ColorScheme = scheme });
        List<string> errors = [], requests = [];
        page.Console += (_, message) => errors.Add(message.Text);
        page.PageError += (_, error) => errors.Add(error);
        page.Request += (_, request) => requests.Add(request.Url);

        await page.GotoAsync(new Uri(Page).AbsoluteUri);
        foreach (ILocator summary in await page.Locator("summary").AllAsync())
        {
            await summary.PressAsync("Enter");
        }

        Assert.AreEqual(0, await page.Locator("details:not([open])").CountAsync(), "the keyboard opens the tables");
        Assert.AreEqual(width, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"), "nothing is wider than the window");
        Assert.IsTrue(await page.EvaluateAsync<bool>("[...document.images].every(image => image.complete && image.naturalWidth === 14)"));
        await page.Keyboard.PressAsync("Home");
        AxeResult result = await page.RunAxe();
        Assert.IsEmpty(result.Violations, string.Join(Environment.NewLine, result.Violations.Select(violation => $"{violation.Id}: {violation.Help}: {string.Join("; ", violation.Nodes.Take(3).Select(node => node.Html))}")));
        Assert.IsEmpty(errors, string.Join(Environment.NewLine, errors));
        Assert.IsEmpty(requests.Where(request => !request.StartsWith("file:", StringComparison.Ordinal) && !request.StartsWith("data:", StringComparison.Ordinal)).ToArray(), "nothing is fetched");
        TestContext.WriteLine($"axe: {result.Passes.Length} rules passed, {result.Incomplete.Length} undecided: {string.Join(", ", result.Incomplete.Select(rule => rule.Id))}");
    }
}
