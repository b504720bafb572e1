using System.Diagnostics;
using System.Globalization;
using System.Text;
using Hostdev.Sandbox.Kernel;
using Hostdev.Sandbox.Kubelet;

namespace Hostdev.Benchmarks;

/// <summary>
/// The agent's program on a machine of devices that are on vfio-pci already, and a simulated kubelet. Needs root.
/// </summary>
internal sealed class BenchNode : IAsyncDisposable
{
    private readonly SimulatedKernel _kernel;
    private readonly string _directory = Directory.CreateTempSubdirectory("hd-").FullName;
    private readonly IDisposable _room = OwnMachine.MakeRoom();

    private BenchNode(int resources)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new InvalidOperationException("the agent's program is measured in a mount namespace: run this as root");
        Resources = [.. Enumerable.Range(0, resources).Select(i => string.Create(CultureInfo.InvariantCulture, $"example.com/edu-{i}"))];
        _kernel = new SimulatedKernel(Machine(resources));
        for (var i = 0; i < resources; i++)
        {
            Write($"/sys/bus/pci/devices/{Address(i)}/driver_override", "vfio-pci");
            Write("/sys/bus/pci/drivers_probe", Address(i));
        }

        Directory.CreateDirectory(Path.Combine(_directory, "state"));
        File.WriteAllText(Path.Combine(_directory, "desired.yaml"), Desired());
        Kubelet = new SimulatedKubelet(
            Path.Combine(_directory, "kubelet"),
            TimeProvider.System,
            Path.Combine(_directory, "pods", "kubelet.sock")
        );
    }

    public IReadOnlyList<string> Resources { get; }

    public SimulatedKubelet Kubelet { get; }

    public bool AllOffered => Resources.All(r => Kubelet.Allocatable(r) == 1);

    public static async Task<BenchNode> CreateAsync(int resources)
    {
        var node = new BenchNode(resources);
        await node.Kubelet.StartAsync();
        return node;
    }

    public static string Address(int device) => string.Create(CultureInfo.InvariantCulture, $"0000:40:{device:x2}.0");

    /// <summary>Starts the program. A state directory that was used before is used again.</summary>
    /// <param name="kubeletDirectory">Of another kubelet than <see cref="Kubelet"/>.</param>
    /// <param name="descriptors">How many files other processes that it sees have open before it starts.</param>
    public MeasuredProcess StartAgent(string program, string? kubeletDirectory = null, int descriptors = 0)
    {
        return MeasuredProcess.Start(
            OwnMachine.Program,
            OwnMachine.Arguments(
                _kernel,
                descriptors == 0 ? program : Among(descriptors, Path.GetFullPath(program)),
                "--desired",
                Path.Combine(_directory, "desired.yaml"),
                "--status",
                Path.Combine(_directory, "status.json"),
                "--state-dir",
                Path.Combine(_directory, "state"),
                "--kubelet-dir",
                kubeletDirectory ?? Kubelet.Directory,
                "--pod-resources",
                Kubelet.PodResourcesSocket
            ),
            measureChild: true
        );
    }

    /// <summary>Waits until the kubelet has every device, looking each millisecond.</summary>
    public async Task OfferedAsync(MeasuredProcess agent, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (!AllOffered)
        {
            if (agent.HasExited)
                throw new InvalidOperationException($"the agent ended: {agent.Said}");
            if (Stopwatch.GetElapsedTime(began).TotalSeconds > 20)
            {
                var status = File.ReadAllText(Path.Combine(_directory, "status.json"));
                throw new TimeoutException($"not all resources are offered after 60 s; the agent says: {agent.Said}{status}");
            }

            await Task.Delay(1, cancellationToken);
        }
    }

    /// <summary>As after an installation: nothing is on disk.</summary>
    public void Forget()
    {
        Directory.Delete(Path.Combine(_directory, "state"), recursive: true);
        Directory.CreateDirectory(Path.Combine(_directory, "state"));
    }

    public async ValueTask DisposeAsync()
    {
        await Kubelet.DisposeAsync();
        _kernel.Dispose();
        Directory.Delete(_directory, recursive: true);
        _room.Dispose();
    }

    /// <summary>A script that starts processes with so many files, and becomes the program when they have them.</summary>
    private string Among(int descriptors, string program)
    {
        var script = Path.Combine(_directory, "among");
        NativeFiles.Write(
            script,
            Encoding.UTF8.GetBytes(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $$"""
                    #!/bin/bash
                    ulimit -Sn "$(ulimit -Hn)"
                    most=$(($(ulimit -Hn) - 64)) left={{descriptors}} holders=0
                    while [ $left -gt 0 ]; do
                      count=$((left < most ? left : most)) left=$((left - count)) holders=$((holders + 1))
                      bash -c 'for ((i = 0; i < $1; i++)); do exec {file}</dev/null; done; : >"$0.$2"; exec sleep infinity' \
                        "$0" $count $holders &
                    done
                    until [ "$(ls "$0".* 2>/dev/null | wc -l)" = $holders ]; do sleep 0.1; done
                    exec "{{program}}" "$@"

                    """
                )
            ),
            0x1ed
        );
        return script;
    }

    private static MachineDescription Machine(int devices) =>
        new()
        {
            Name = "bench",
            RootBuses =
            [
                new("0000:40", [.. Enumerable.Range(0, devices).Select(i => Hardware.Edu(Address(i), 0xe0000000 + ((ulong)i << 20)))]),
            ],
            Drivers = Hardware.LabDrivers,
        };

    private string Desired()
    {
        var text = new StringBuilder("policies:\n");
        for (var i = 0; i < Resources.Count; i++)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $$"""
                - kind: HostDevice
                  name: edu-{{i}}
                  spec:
                    resourceName: {{Resources[i]}}
                    nodeSelector: {}
                    devices: {pci: {selectors: [{addresses: ["{{Address(i)}}"]}] } }

                """
            );
        }

        return text.ToString();
    }

    private void Write(string path, string value)
    {
        var error = _kernel.Calls.WriteAttribute(path, value);
        if (!error.IsSuccess)
            throw new InvalidOperationException($"the simulated kernel refuses \"{value}\" in {path}: {error.Name}");
    }
}
