using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Allocating;
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

    private const string MoreBusNumbers =
        "switch on ARI in the firmware (and remove pci=noari), boot with pci=assign-busses, or give the slot more bus numbers in the "
        + "firmware";
    private const string MoreSpace = "switch on Above 4G decoding and SR-IOV in the firmware, or boot with pci=realloc";

    [Theory]
    [InlineData(
        "can't enable 2 VFs (bus 42 out of range of [bus 41])",
        "NoBusNumbers",
        "the port above has too few bus numbers for so many: ask for fewer VFs, or " + MoreBusNumbers
    )]
    [InlineData(
        "SR-IOV: bus number out of range",
        "NoBusNumbers",
        "the port above has too few bus numbers for so many: ask for fewer VFs, or " + MoreBusNumbers
    )]
    [InlineData(
        "not enough MMIO resources for SR-IOV",
        "NoMmioSpace",
        "the firmware left too little memory space for the VFs' BARs: " + MoreSpace
    )]
    [InlineData(
        "SR-IOV: IOV BARS not allocated",
        "NoMmioSpace",
        "the firmware left too little memory space for the VFs' BARs: " + MoreSpace
    )]
    [InlineData(
        "Couldn't allocate memory for VFs",
        "StepFailed",
        "no memory, or the firmware left too few bus numbers or too little memory space. Bus numbers: ask for fewer VFs, or "
            + MoreBusNumbers
            + ". Memory space: "
            + MoreSpace
    )]
    public async Task ENOMEM_of_the_number_of_VFs_has_the_reason_that_the_kernels_log_tells(string logged, string reason, string meaning)
    {
        kernel.Faults.BeforeWrite(1, () => kernel.Print($"igb {Pf}: {logged}"), "sriov_numvfs");
        kernel.Faults.FailWrite(1, Errno.ENOMEM, "sriov_numvfs");

        var failed = await FailsAsync(new PlanStep.SetNumVfs(PciAddress.Parse(Pf), 2, []));

        Assert.Equal(reason, failed.Reason.Name);
        Assert.Equal(
            $"writing \"2\" to /sys/bus/pci/devices/{Pf}/sriov_numvfs failed: ENOMEM: {meaning}; the kernel says: \"igb {Pf}: {logged}\"",
            failed.Message
        );
    }

    [Fact]
    public async Task What_the_kernel_said_of_another_device_or_another_errno_is_no_reason_of_its_own()
    {
        kernel.Faults.BeforeWrite(1, () => kernel.Print("igb 0000:81:00.0: not enough MMIO resources for SR-IOV"), "sriov_numvfs");
        kernel.Faults.FailWrite(1, Errno.ENOMEM, "sriov_numvfs");
        Assert.Equal(Reasons.StepFailed, (await FailsAsync(new PlanStep.SetNumVfs(PciAddress.Parse(Pf), 2, []))).Reason);
        kernel.Faults.BeforeWrite(1, () => kernel.Print($"igb {Pf}: not enough MMIO resources for SR-IOV"), "sriov_numvfs");
        kernel.Faults.FailWrite(1, Errno.ENOSPC, "sriov_numvfs");
        Assert.Equal(Reasons.StepFailed, (await FailsAsync(new PlanStep.SetNumVfs(PciAddress.Parse(Pf), 2, []))).Reason);
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
    public async Task A_device_that_another_hand_gives_to_its_driver_meanwhile_is_told_from_one_that_does_not_bind()
    {
        var nic = PciAddress.Parse("0000:45:00.0");
        var token = TestContext.Current.CancellationToken;
        var writer = new HostWriter(kernel.Paths, kernel.Calls, journal, TimeProvider.System, KernelThreads.Own);
        var executor = new StepExecutor(writer, journal, new UnitStateReader(kernel.Paths));
        foreach (var step in (PlanStep[])[new PlanStep.SetDriverOverride(nic, "vfio-pci"), new PlanStep.Unbind(nic, "e1000e", [])])
            Assert.Same(StepOutcome.Done.Instance, await executor.ExecuteAsync(step, token));
        kernel.Faults.BeforeWrite(
            1,
            () => kernel.Calls.WriteAttribute($"/sys/bus/pci/devices/{nic}/driver_override", "\n"),
            "drivers_probe"
        );

        var outcome = Assert.IsType<StepOutcome.Failed>(await executor.ExecuteAsync(new PlanStep.Probe(nic, "vfio-pci"), token));

        Assert.True(outcome.Undone);
        Assert.StartsWith($"{nic} did not bind to vfio-pci: its driver is e1000e; ", outcome.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_write_that_does_not_return_is_known_until_it_does()
    {
        var unbind = PciFiles.Unbind("e1000e");
        var hang = kernel.Faults.HangWrite(1, unbind.Path);
        var writer = new HostWriter(kernel.Paths, kernel.Calls, journal, TimeProvider.System, KernelThreads.Own);
        var nic = PciAddress.Parse("0000:45:00.0");
        Assert.Empty(writer.Unreturned);

        var error = await writer.WriteAsync(nic, unbind, $"{nic}", TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        Assert.Equal(Errno.ETIMEDOUT, error);
        var write = Assert.Single(writer.Unreturned);
        Assert.Equal((nic, unbind), (write.Device.AsPci, write.File));
        Assert.True(writer.IsBlocked(nic));
        Assert.False(writer.IsBlocked(nic with { Function = 1 }));
        Assert.False(writer.IsBlocked(nic with { Domain = 0x10000 }));
        Assert.True(write.For >= TimeSpan.FromMilliseconds(25)); // a timer may be some milliseconds early

        hang.Release();
        await Waiting.UntilAsync(() => writer.Unreturned.IsEmpty);
    }

    [Fact]
    public async Task With_too_many_writes_hanging_no_more_is_written_and_the_failure_says_which_hangs()
    {
        var unbind = PciFiles.Unbind("e1000e");
        var hang = kernel.Faults.HangWrite(1, unbind.Path);
        var writer = new HostWriter(kernel.Paths, kernel.Calls, journal, TimeProvider.System, KernelThreads.Own, mostHung: 1);
        var token = TestContext.Current.CancellationToken;
        await writer.WriteAsync(PciAddress.Parse("0000:45:00.0"), unbind, "0000:45:00.0", TimeSpan.FromMilliseconds(50), token);
        var step = new PlanStep.SetDriverOverride(PciAddress.Parse("0000:46:00.0"), "vfio-pci");

        var words = await FailureAsync(step, writer);

        Assert.StartsWith(
            $"1 calls hang in the kernel, the first for 0 s (writing 0000:45:00.0 to {unbind}",
            words,
            StringComparison.Ordinal
        );
        Assert.EndsWith("until some come back: find who holds these devices, or reboot the host", words, StringComparison.Ordinal);
        Assert.Equal(1, writer.Writes);
        hang.Release();
        await Waiting.UntilAsync(() => writer.TooManyHang is null);
        Assert.Same(
            StepOutcome.Done.Instance,
            await new StepExecutor(writer, journal, new UnitStateReader(kernel.Paths)).ExecuteAsync(step, token)
        );
    }

    private async Task<string> FailureAsync(PlanStep step, HostWriter? writer = null) => (await FailsAsync(step, writer)).Message;

    private async Task<StepOutcome.Failed> FailsAsync(PlanStep step, HostWriter? writer = null)
    {
        writer ??= new HostWriter(kernel.Paths, kernel.Calls, journal, TimeProvider.System, KernelThreads.Own);
        var outcome = await new StepExecutor(writer, journal, new UnitStateReader(kernel.Paths)).ExecuteAsync(
            step,
            TestContext.Current.CancellationToken
        );
        return Assert.IsType<StepOutcome.Failed>(outcome);
    }
}
