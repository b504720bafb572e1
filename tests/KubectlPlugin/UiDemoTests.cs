using Hostdev.Tests.Demo;
using Xunit;

namespace Hostdev.Tests.KubectlPlugin;

/// <summary>The page over the demo's cluster: real operators and agents, and pods that get devices or wait for them.</summary>
[Trait(Pace.Name, Pace.Slow)]
public sealed class UiDemoTests(RunningDemo demo) : IClassFixture<RunningDemo>
{
    [Fact]
    public async Task It_shows_who_has_what_who_waits_for_whom_and_why_not()
    {
        await demo.KubectlAsync("label", "node", "gpu-1", "mixed-1", "example.com/passthrough=true", "--overwrite");
        foreach (var example in (string[])["gpus", "e810", "usb-dongle", "nics", "scsi-tape"])
            await demo.KubectlAsync("apply", "-f", $"examples/cluster/{example}.yaml");
        await demo.ApplyAsync(
            """
            apiVersion: hostdev.io/v1alpha1
            kind: HostDevice
            metadata: {name: disk}
            spec:
              resourceName: example.com/disk
              nodeSelector: {matchLabels: {kubernetes.io/hostname: mixed-1}}
              devices: {pci: {selectors: [{addresses: ["0000:83:00.0"]}]}}
            """
        );
        await demo.KubectlAsync("wait", "--for=condition=Ready", "hostdevice/gpus", "hostdevice/dongles", "--timeout=60s");
        await using var ui = await UiProgram.StartAsync(demo.Kubeconfig);
        await using var browser = await UiBrowser.OpenAsync(ui.Address);
        await browser.UntilAsync("document.querySelectorAll('#nodes > li').length === 3");

        // Six pods, and five cards for them.
        var pod = await File.ReadAllTextAsync(Repository.Path("examples", "pods", "gpu.yaml"), TestContext.Current.CancellationToken);
        for (var i = 1; i <= 6; i++)
            await demo.ApplyAsync(pod.Replace("render", $"render-{i}", StringComparison.Ordinal));
        await browser.UntilAsync("document.querySelector('.chip[data-state=Allocated] b').innerText === '5'", 60);
        await browser.UntilAsync("document.querySelector('#waiting').innerText.includes('No node has 1 example.com/gpu free')", 60);
        await browser.UntilAsync("document.querySelector('#nodes').innerText.includes('VM render-1-vm')");
        await demo.KubectlAsync("hostdev", "cordon", "mixed-1", "0000:84:00.0/1", "--reason", "it is replaced");
        await browser.UntilAsync("document.querySelector('.chip[data-state=Cordoned] b').innerText === '1'", 60);
        Assert.Contains("it is replaced", await browser.TextAsync("#nodes"), StringComparison.Ordinal);
        Assert.Contains("HostDevice/disk", await browser.TextAsync("#policies"), StringComparison.Ordinal);

        await browser.EvaluateAsync<object>("document.querySelector('.device[data-state=Allocated] > .row').click()");
        await browser.UntilAsync("document.querySelector('.detail') !== null");
        await browser.PicturesAsync("demo");
        browser.AssertQuiet();
    }
}
