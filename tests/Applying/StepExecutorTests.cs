using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Applying;

/// <summary>
/// What failed is said with what the kernel said of it: of an errno alone an admin cannot tell what to do (case 13-messages).
/// </summary>
public sealed class StepExecutorTests : IDisposable
{
    private const string Pf = "0000:41:00.0";
    private readonly SimulatedKernel kernel = new(LabMachine.Description);
    private readonly string directory = Directory.CreateTempSubdirectory("steps-").FullName;
    private readonly Journal journal;

    public StepExecutorTests() => journal = Journal.Open(directory, "boot-1");

    public void Dispose()
    {
        journal.Dispose();
        kernel.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Theory]
    [InlineData(
        28,
        "ENOSPC: its driver has no interrupt vectors (MSI-X) left for so many: ask for fewer VFs, or free some (of an E810: unload irdma)"
    )]
    [InlineData(95, "EOPNOTSUPP: its driver makes no VFs as it is set up now (safe mode, a bond, switchdev rules)")]
    [InlineData(22, "EINVAL: its driver does not take this number as it is set up now")]
    [InlineData(
        16,
        "EBUSY: there are no VFs, so its driver is busy: users in the kernel, such as of an accelerator's services, have to stop"
    )]
    public async Task Case_13_messages_an_errno_of_the_number_of_VFs_comes_with_what_to_do(int errno, string meaning)
    {
        kernel.Faults.FailWrite(1, new Errno(errno), "sriov_numvfs");

        Assert.Equal(
            $"writing \"2\" to /sys/bus/pci/devices/{Pf}/sriov_numvfs failed: {meaning}; look at dmesg for what the "
                + $"driver of {Pf} says of it",
            await FailureAsync(new PlanStep.SetNumVfs(PciAddress.Parse(Pf), 2, []))
        );
    }

    [Fact]
    public async Task Case_13_messages_an_errno_of_the_number_of_VFs_comes_with_the_drivers_last_words()
    {
        kernel.Print($"ice {Pf}: link up"); // before it
        kernel.Faults.BeforeWrite(
            1,
            () =>
            {
                foreach (
                    var line in (string[])
                        [
                            "ice 0000:99:00.0: another",
                            $"ice {Pf}: one",
                            $"ice {Pf}: two",
                            $"ice {Pf}: two",
                            $"ice {Pf}: three",
                            $"ice {Pf}: four",
                        ]
                )
                    kernel.Print(line);
            },
            "sriov_numvfs"
        );
        kernel.Faults.FailWrite(1, Errno.ENOSPC, "sriov_numvfs");

        Assert.EndsWith(
            $"unload irdma); the kernel says: \"ice {Pf}: two\", \"ice {Pf}: three\", \"ice {Pf}: four\"",
            await FailureAsync(new PlanStep.SetNumVfs(PciAddress.Parse(Pf), 2, [])),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task VFs_that_exist_already_are_not_taken_for_a_busy_driver()
    {
        Assert.Equal(Errno.None, kernel.Calls.WriteAttribute($"/sys/bus/pci/devices/{Pf}/sriov_numvfs", "1"));

        Assert.Equal(
            $"writing \"2\" to /sys/bus/pci/devices/{Pf}/sriov_numvfs failed: EBUSY: VFs exist already, and the "
                + "number changes only through 0; "
                + $"the kernel says: \"igb {Pf}: 1 VFs already enabled. Disable before enabling 2 VFs\"",
            await FailureAsync(new PlanStep.SetNumVfs(PciAddress.Parse(Pf), 2, []))
        );
    }

    [Fact]
    public async Task A_driver_that_does_not_take_its_device_is_heard()
    {
        kernel.Faults.BeforeWrite(1, () => kernel.Print("vfio-pci 0000:46:00.0: probe failed"), "drivers_probe");

        Assert.EndsWith(
            "did not bind to vfio-pci: it has no driver; the kernel says: \"vfio-pci 0000:46:00.0: probe failed\"",
            await FailureAsync(new PlanStep.Probe(PciAddress.Parse("0000:46:00.0"), "vfio-pci")),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_write_that_does_not_return_is_known_until_it_does()
    {
        const string path = "/sys/bus/pci/drivers/e1000e/unbind";
        var hang = kernel.Faults.HangWrite(1, path);
        var writer = new HostWriter(kernel.Paths, kernel.Calls, journal, TimeProvider.System, Workers.Threads);
        var nic = PciAddress.Parse("0000:45:00.0");
        Assert.Empty(writer.Unreturned);

        var error = await writer.WriteAsync(nic, path, $"{nic}", TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        Assert.Equal(Errno.ETIMEDOUT, error);
        var write = Assert.Single(writer.Unreturned);
        Assert.Equal((nic, path), (write.Device.AsPci, write.Path));
        Assert.True(writer.IsBlocked(nic));
        Assert.False(writer.IsBlocked(nic with { Function = 1 }));
        Assert.False(writer.IsBlocked(nic with { Domain = 0x10000 }));
        Assert.True(write.For >= TimeSpan.FromMilliseconds(50));

        hang.Release();
        await Waiting.UntilAsync(() => writer.Unreturned.IsEmpty);
    }

    private async Task<string> FailureAsync(PlanStep step)
    {
        var writer = new HostWriter(kernel.Paths, kernel.Calls, journal, TimeProvider.System, Workers.Threads);
        var outcome = await new StepExecutor(writer, journal).ExecuteAsync(step, TestContext.Current.CancellationToken);
        return Assert.IsType<StepOutcome.Failed>(outcome).Message;
    }
}
