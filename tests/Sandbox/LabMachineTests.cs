using System.Globalization;
using Hostdev.DevicePlugin.Host;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Sandbox;

/// <summary>
/// The simulated lab node against what the real one printed (testdata/lab-node.txt: <c>path mode = text</c> with newlines as bars, or
/// <c>path -> link text</c>).
/// </summary>
public sealed class LabMachineTests
{
    [Fact]
    public void The_simulated_node_prints_what_the_real_one_printed()
    {
        using var kernel = new SimulatedKernelUnderTest();
        var differences = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "testdata", "lab-node.txt"))
            .Select(line => Compare(kernel, line))
            .OfType<string>()
            .ToArray();
        Assert.True(differences.Length == 0, $"{differences.Length} differences:\n{string.Join('\n', differences.Take(60))}");
    }

    [Fact]
    public void Every_function_of_the_real_node_is_there_and_no_other()
    {
        using var kernel = new SimulatedKernelUnderTest();
        var real = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "testdata", "lab-node.txt"))
            .Where(line => line.Contains("/vendor ", StringComparison.Ordinal))
            .Select(line => line.Split('/')[^2])
            .Order(StringComparer.Ordinal);
        Assert.Equal(
            real,
            Directory
                .GetFileSystemEntries(kernel.Paths.Resolve("/sys/bus/pci/devices"))
                .Select(path => Path.GetFileName(path))
                .Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void Demo_machines_boot_with_their_drivers_and_groups()
    {
        foreach (var machine in DemoMachines.All)
        {
            using var kernel = new SimulatedKernel(machine);
            Assert.NotEmpty(Directory.GetFileSystemEntries(kernel.Paths.Resolve("/sys/bus/pci/devices")));
            Assert.Equal("ast", kernel.DriverOf("0000:01:00.0"));
        }

        using var gpus = new SimulatedKernel(DemoMachines.GpuNode);
        Assert.Equal("nvidia", gpus.DriverOf("0000:11:00.0"));
        Assert.Equal(gpus.GroupOf("0000:11:00.0"), gpus.GroupOf("0000:11:00.1"));
        using var nics = new SimulatedKernel(DemoMachines.SriovNode);
        Assert.NotEqual(nics.GroupOf("0000:3b:00.0"), nics.GroupOf("0000:3b:00.1"));
        foreach (var pf in (string[])["0000:3b:00.0", "0000:3b:00.1"])
            Assert.Equal(Errno.None, nics.Calls.WriteAttribute(KernelSentences.Device(pf) + "/sriov_numvfs", "64"));
        Assert.Equal("iavf", nics.DriverOf("0000:3b:01.0"));
    }

    private static string? Compare(SimulatedKernelUnderTest kernel, string line)
    {
        if (line.Split(" -> ") is [var link, var target])
        {
            var found = new FileInfo(kernel.Paths.Resolve(link)).LinkTarget;
            return found == target ? null : $"{link}: {found} instead of {target}";
        }

        var at = line.IndexOf(" = ", StringComparison.Ordinal);
        var (left, text) = (line[..at].Split(' '), line[(at + 3)..]);
        var (path, mode) = (left[0], Convert.ToInt32(left[1], 8));
        if (!kernel.Has(path))
            return $"{path}: missing";
        var content = File.ReadAllText(kernel.Paths.Resolve(path)).Replace('\n', '|');
        if (content != text)
            return $"{path}: {content} instead of {text}";
        var actual = kernel.Kernel.Calls.ReadOwner(path).Owner.Mode;
        return actual == mode
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"{path}: mode {Convert.ToString(actual, 8)} instead of {left[1]}");
    }
}
