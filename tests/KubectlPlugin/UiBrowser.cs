using System.Collections.Concurrent;
using System.Text.Json;
using PuppeteerSharp;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>
/// The page in a real browser (<c>hack/browser</c>), and all that the browser asked for and complained of. Pictures go to
/// <c>artifacts/ui</c>, for people to look at.
/// </summary>
internal sealed class UiBrowser : IAsyncDisposable
{
    private static readonly Lazy<string> s_axe = new(ReadAxe);

    private readonly IBrowser _browser;
    private readonly ConcurrentQueue<string> _requests = [];
    private readonly ConcurrentQueue<string> _complaints = [];

    private UiBrowser(IBrowser browser, IPage page, Uri address)
    {
        (_browser, Page, Address) = (browser, page, address);
        page.Request += (_, e) => _requests.Enqueue(e.Request.Url);
        page.PageError += (_, e) => _complaints.Enqueue(e.Message);
        page.Console += (_, e) => _complaints.Enqueue($"{e.Message.Type}: {e.Message.Text}");
    }

    public IPage Page { get; }

    public Uri Address { get; }

    /// <summary>Errors, and whatever else stands on the console.</summary>
    public IReadOnlyCollection<string> Complaints => _complaints;

    public IReadOnlyCollection<string> Requests => _requests;

    /// <param name="address">With its token.</param>
    public static async Task<UiBrowser> OpenAsync(Uri address, bool isDark = false, bool isNarrow = false)
    {
        var named = Environment.GetEnvironmentVariable("HOSTDEV_BROWSER");
        var program = string.IsNullOrEmpty(named) ? "/usr/bin/chromium" : named;
        Assert.True(File.Exists(program), $"{program} is not there: run hack/browser, which installs it");
        var browser = await Puppeteer.LaunchAsync(
            new LaunchOptions
            {
                ExecutablePath = program,
                Headless = true,
                Args = Environment.IsPrivilegedProcess ? ["--no-sandbox", "--disable-gpu"] : ["--disable-gpu"],
            }
        );
        var it = new UiBrowser(browser, await browser.NewPageAsync(), address);
        await it.LookAsync(isDark, isNarrow);
        await it.Page.GoToAsync(address.ToString(), WaitUntilNavigation.DOMContentLoaded);
        await it.UntilAsync("document.querySelector('#link').dataset.state === 'live'");
        return it;
    }

    /// <summary>As a phone or a screen has it, by day or night.</summary>
    public async Task LookAsync(bool isDark, bool isNarrow)
    {
        await Page.EmulateMediaFeaturesAsync([
            new MediaFeatureValue { MediaFeature = MediaFeature.PrefersColorScheme, Value = isDark ? "dark" : "light" },
        ]);
        await Page.SetViewportAsync(new ViewPortOptions { Width = isNarrow ? 390 : 1440, Height = isNarrow ? 844 : 1000 });
    }

    /// <param name="condition">JavaScript.</param>
    public async Task UntilAsync(string condition, int seconds = 30)
    {
        try
        {
            await Page.WaitForExpressionAsync(condition, new WaitForFunctionOptions { Timeout = seconds * 1000 });
        }
        catch (WaitTaskTimeoutException)
        {
            Assert.Fail($"not within {seconds} s: {condition}\n{string.Join('\n', _complaints)}\n{await TextAsync("body")}");
        }
    }

    public Task<T> EvaluateAsync<T>(string expression) => Page.EvaluateExpressionAsync<T>(expression);

    /// <summary>What people read there.</summary>
    public Task<string> TextAsync(string selector) => EvaluateAsync<string>($"document.querySelector({Quoted(selector)}).innerText");

    /// <summary>Presses keys one after the other, and says which item of the tree has the focus then.</summary>
    public async Task<string?> PressAsync(params string[] keys)
    {
        foreach (var key in keys)
            await Page.Keyboard.PressAsync(key);
        return await EvaluateAsync<string?>("document.activeElement.dataset.key ?? document.activeElement.id");
    }

    /// <summary>Into <c>artifacts/ui</c>.</summary>
    public async Task PictureAsync(string name)
    {
        var directory = Directory.CreateDirectory(Repository.Path("artifacts", "ui"));
        await Page.ScreenshotAsync(Path.Combine(directory.FullName, $"{name}.png"));
    }

    /// <summary>By day and night, on a screen and a phone.</summary>
    public async Task PicturesAsync(string name)
    {
        foreach (var isNarrow in (bool[])[false, true])
        {
            foreach (var isDark in (bool[])[false, true])
            {
                await LookAsync(isDark, isNarrow);
                await PictureAsync($"{name}-{(isNarrow ? "narrow" : "wide")}-{(isDark ? "dark" : "light")}");
                Assert.True(
                    await EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"),
                    $"{name} is wider than its window {(isNarrow ? "on a phone" : "on a screen")}"
                );
                await AssertAccessibleAsync();
            }
        }
    }

    /// <summary>What keeps people out who hear the page, or see it with little contrast (WCAG 2.2 A and AA, by axe).</summary>
    private async Task AssertAccessibleAsync()
    {
        await Page.EvaluateExpressionAsync(s_axe.Value);
        var found = await EvaluateAsync<JsonElement>(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations'], "
                // An item of a tree is called by its own row, and not by all that is below it.
                + "rules: {'label-content-name-mismatch': {enabled: false}}})"
                + ".then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.html.slice(0, 200) + ': ' + n.failureSummary)))"
        );
        Assert.True(found.GetArrayLength() == 0, string.Join('\n', found.EnumerateArray().Take(10)));
    }

    /// <summary>Nothing went wrong, and nothing was asked of anybody else.</summary>
    public void AssertQuiet()
    {
        Assert.Empty(_complaints);
        Assert.NotEmpty(_requests);
        Assert.All(_requests, r => Assert.Equal(Address.GetLeftPart(UriPartial.Authority), new Uri(r).GetLeftPart(UriPartial.Authority)));
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.CloseAsync();
        await _browser.DisposeAsync();
    }

    internal static string Quoted(string text) => JsonSerializer.Serialize(text);

    private static string ReadAxe()
    {
        var assembly = typeof(Deque.AxeCore.Commons.AxeResult).Assembly;
        var name = assembly.GetManifestResourceNames().Single(n => n.EndsWith("axe.min.js", StringComparison.Ordinal));
        using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }
}
