using System.Diagnostics;
using Hostdev.Crds;
using Hostdev.Sandbox.Kubelet;
using Hostdev.Tests.Lab;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>
/// Who follows "On one machine" of docs/install.md, word for word, from the Debian package of <c>hack/publish</c> to a process that has the
/// device, and back: on a real kernel with systemd.
/// </summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Boot, LabFacts.Systemd)]
public sealed class MachineNewcomerTests
{
    private const string Gpu = "0000:43:00.0";
    private const string Audio = "0000:43:00.1";
    private const string Resource = "example.com/gpu";
    private const string Unit = "hostdev-device-plugin.service";

    private static readonly string[] s_leftovers =
    [
        "/usr/bin/hostdev-device-plugin",
        "/usr/lib/systemd/system/" + Unit,
        "/etc/systemd/system/multi-user.target.wants/" + Unit,
        "/etc/hostdev",
        "/var/lib/hostdev",
        "/run/hostdev",
    ];

    [LabFact]
    public async Task Who_follows_the_page_has_a_device_in_a_process_and_at_the_end_the_machine_as_it_was()
    {
        await StandInForThePackagesOfTheNodeAsync();
        var before = Drivers();
        await using var kubelet = new SimulatedKubelet("/var/lib/kubelet/device-plugins", TimeProvider.System);
        await kubelet.StartAsync(TestContext.Current.CancellationToken);
        var written = 0;
        foreach (var step in MarkdownPage.Read("docs/install.md").Steps("machine"))
        {
            switch (step)
            {
                case PageStep.Write write:
                    if (written++ == 1) // the file that gives everything back
                        await HasItAsync(kubelet);
                    await File.WriteAllTextAsync(write.File, write.Text, TestContext.Current.CancellationToken);
                    break;
                case PageStep.Run run:
                    var (code, said) = await ShellAsync(run.Script);
                    Assert.True(code == 0, $"line {run.Line} of the page ends with {code}:\n{said}");
                    Assert.Null(run.Differs(said));
                    break;
            }
        }

        Assert.Equal(2, written);
        Assert.Equal(before, Drivers());
        Assert.Equal([], s_leftovers.Where(Path.Exists));
        Assert.Equal("inactive\n", (await ShellAsync($"systemctl is-active {Unit} || :")).Said);
    }

    /// <summary>
    /// A pod gets the device and its process opens it. While it has it, the package is put in once more, as by an upgrade, and cannot be
    /// removed.
    /// </summary>
    private static async Task HasItAsync(SimulatedKubelet kubelet)
    {
        await Waiting.UntilAsync(() => kubelet.Allocatable(Resource) == 1, 60);
        Assert.Equal(("vfio-pci", "vfio-pci"), (Sysfs.Driver(PciAddress.Parse(Gpu)), Sysfs.Driver(PciAddress.Parse(Audio))));
        var pod = await kubelet.AdmitPodAsync("vms", "desktop", new Dictionary<string, int> { [Resource] = 1 });
        Assert.Equal((PodPhase.Running, ""), (pod.Phase, pod.Message));
        var group = Path.GetFileName(File.ResolveLinkTarget($"/sys/bus/pci/devices/{Gpu}/iommu_group", true)!.FullName);
        Assert.Contains($"/dev/vfio/{group}", pod.DeviceNodes);
        using (var process = await VfioHolder.HoldGroupAsync(group, Gpu, TestContext.Current.CancellationToken))
        {
            var (upgrade, said) = await ShellAsync("dpkg -i ./hostdev-device-plugin_*_amd64.deb && systemctl is-active " + Unit);
            Assert.True(upgrade == 0, said);
            await Waiting.UntilAsync(() => kubelet.Allocatable(Resource) == 1, 120);
            Assert.Equal(0, process.Requests);

            var (removed, why) = await ShellAsync("apt-get remove -y hostdev-device-plugin");
            Assert.NotEqual(0, removed);
            Assert.Contains("hostdev-device-plugin still has devices of this host. Give them back first", why, StringComparison.Ordinal);
            Assert.Equal("active\n", (await ShellAsync("systemctl is-active " + Unit)).Said);
            Assert.Equal(0, process.LetGo());
        }

        kubelet.DeletePod("vms", "desktop");
    }

    /// <summary>
    /// The node has no network, and its kmod is unpacked and not installed: a package of that name, with nothing in it, stands for it. A
    /// container's image, whose files the node has, starts no service of a package.
    /// </summary>
    private static async Task StandInForThePackagesOfTheNodeAsync()
    {
        var (code, said) = await ShellAsync(
            """
            rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d
            echo 'APT::Install-Recommends "false";' >/etc/apt/apt.conf.d/99lab
            if [ "$(dpkg-query -W -f '${Status}' kmod 2>/dev/null)" != "install ok installed" ]; then
              work=$(mktemp -d)
              mkdir "$work/DEBIAN"
              printf 'Package: kmod\nVersion: 30\nArchitecture: amd64\nMaintainer: lab\nDescription: stands in\n' >"$work/DEBIAN/control"
              dpkg-deb --build "$work" "$work.deb"
              dpkg -i "$work.deb"
            fi
            """
        );
        Assert.True(code == 0, said);
    }

    private static string Drivers() =>
        string.Join(
            '\n',
            Directory
                .EnumerateDirectories("/sys/bus/pci/devices")
                .Order(StringComparer.Ordinal)
                .Select(d => $"{Path.GetFileName(d)} {Sysfs.Driver(PciAddress.Parse(Path.GetFileName(d)))}")
        );

    private static async Task<(int Code, string Said)> ShellAsync(string script)
    {
        var start = new ProcessStartInfo("bash", ["-euo", "pipefail", "-c", "exec 2>&1\n" + script])
        {
            WorkingDirectory = ShippedPrograms.PublishedDirectory,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        start.Environment["DEBIAN_FRONTEND"] = "noninteractive";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(10));
        var said = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, said);
    }
}
