using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Shipped;
using Xunit;

namespace Hostdev.Tests.Charts;

/// <summary>
/// The agent in nothing but what its Pod has: a root with the program, what it links to, its image's pci.ids, the host's /proc, and the
/// volumes that the chart mounts. What it finds there is
/// what it finds on the host itself.
/// </summary>
public sealed class AgentPodMountTests
{
    private const string Alias = "alias vfio_pci:v000010DEd000024B0sv*sd*bc*sc*i* example_vfio_pci";
    private const string Ids = "10de  NVIDIA Corporation\n\t24b0  GA104GL [RTX A4000]\n";

    /// <summary>
    /// $1 is a root: it gets the program ($2, in its directory), .NET ($3), what both link to, and the processes of the host.
    /// </summary>
    private const string Furnish = """
        furnish() {
          for directory in "$2" "$3" /lib64 /lib/*-linux-gnu /usr/lib/*-linux-gnu; do
            [ -d "$directory" ] || continue
            mkdir -p "$1$directory" && mount --bind "$directory" "$1$directory"
          done
          for loader in /lib/ld-linux-*.so.*; do [ ! -e "$loader" ] || { touch "$1$loader" && mount --bind "$loader" "$1$loader"; }; done
          mkdir -p "$1/proc" && mount --rbind /proc "$1/proc"
        }
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_agent_with_nothing_but_what_the_chart_mounts_finds_what_is_on_the_host(bool isStatic)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "root makes mount namespaces");
        var release = (await File.ReadAllTextAsync("/proc/sys/kernel/osrelease", TestContext.Current.CancellationToken)).Trim();
        using var kernel = new SimulatedKernel(DemoMachines.GpuNode with { KernelRelease = release, ModuleAliases = [Alias] });
        var (host, pod) = (kernel.Paths.Root, Directory.CreateTempSubdirectory("hd-pod-").FullName);
        await WriteAsync(host, "/usr/share/misc/pci.ids", Ids);
        await WriteAsync(host, "/etc/kubernetes/kubelet.conf", "");
        await WriteAsync(pod, "/usr/share/misc/pci.ids", Ids); // of the image: ImageTests
        var spec = (
            isStatic ? RenderedChart.StaticPod["spec"] : RenderedChart.Find("DaemonSet", "hostdev-agent")["spec"]!["template"]!["spec"]
        )!;
        Assert.Equal((true, true), ((bool?)spec["hostPID"], (bool?)spec["hostNetwork"]));

        var onHost = await InventoryAsync($"{Furnish}\nmount --rbind /dev '{host}/dev'\nfurnish '{host}' \"$@\"", host);
        var inPod = await InventoryAsync(
            $"{Furnish}\nmount --rbind /dev '{host}/dev'\nfurnish '{pod}' \"$@\"\n{Mounts(spec, host, pod)}",
            pod
        );
        Assert.Contains("\"vfioVariantDriver\": \"example_vfio_pci\"", onHost, StringComparison.Ordinal);
        Assert.Contains("GA104GL [RTX A4000]", onHost, StringComparison.Ordinal);
        Assert.DoesNotContain("is not there", onHost, StringComparison.Ordinal);
        Assert.Equal(WhatIsThere(onHost), WhatIsThere(inPod));
        Directory.Delete(pod, recursive: true);
    }

    /// <summary>Who uses it is said by neither, each for a reason of its own: the processes are this machine's.</summary>
    private static string WhatIsThere(string inventory) =>
        string.Join('\n', inventory.Split('\n').Where(l => !l.Contains("who uses what is not shown", StringComparison.Ordinal)));

    /// <summary>
    /// What a container runtime does for the Pod's first container, as shell: a place that is not there is made where nothing is said of
    /// its kind, and is an error otherwise.
    /// </summary>
    private static string Mounts(JsonNode spec, string host, string pod)
    {
        var volumes = spec["volumes"]!.AsArray().ToDictionary(v => (string)v!["name"]!, v => v!["hostPath"]!);
        var container = spec["containers"]![0]!;
        var script = new StringBuilder();
        foreach (var mount in container["volumeMounts"]!.AsArray().OrderBy(m => ((string)m!["mountPath"]!).Length))
        {
            var volume = volumes[(string)mount!["name"]!];
            var (from, to) = ($"'{host}{volume["path"]}'", $"'{pod}{mount["mountPath"]}'");
            script.AppendLine(
                (string?)volume["type"] switch
                {
                    "Directory" => $"test -d {from} && mkdir -p {to}",
                    "File" => $"test -f {from} && mkdir -p \"$(dirname {to})\" && touch {to}",
                    _ => $"mkdir -p {from} {to}",
                }
            );
            script.AppendLine($"mount --rbind {from} {to}");
            if ((bool?)mount["readOnly"] == true)
                script.AppendLine($"mount -o remount,ro,bind {to}");
        }

        Assert.True((bool?)container["securityContext"]!["readOnlyRootFilesystem"]);
        return script.ToString();
    }

    /// <summary>What <c>inventory</c> prints in a root that is made so, in a mount namespace that goes with it.</summary>
    private static async Task<string> InventoryAsync(string script, string root)
    {
        var program = ShippedPrograms.Agent;
        var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        var start = new ProcessStartInfo(
            "unshare",
            [
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-ec",
                $"{script}\nexec chroot '{root}' '{program}' inventory -o json",
                "sh",
                Path.GetDirectoryName(program)!,
                dotnet,
            ]
        )
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        (
            start.Environment["DOTNET_ROOT"],
            start.Environment["DOTNET_EnableDiagnostics"],
            start.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"]
        ) = (dotnet, "0", "1");
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{process.ExitCode}: {await errors}{await output}");
        return await errors + await output;
    }

    private static Task WriteAsync(string root, string path, string text)
    {
        Directory.CreateDirectory(root + Path.GetDirectoryName(path));
        return File.WriteAllTextAsync(root + path, text, TestContext.Current.CancellationToken);
    }
}
