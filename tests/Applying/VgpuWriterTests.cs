using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Allocating;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;
using Hostdev.Sandbox.Kernel;
using Xunit;

namespace Hostdev.Tests.Applying;

/// <summary>Types of vGPU: what a virtual function has, and what there is room for, is read again right before the write.</summary>
public sealed class VgpuWriterTests : IDisposable
{
    private static readonly PciAddress s_first = PciAddress.Parse("0000:41:10.0");
    private static readonly PciAddress s_second = PciAddress.Parse("0000:41:10.2");
    private readonly SimulatedKernel kernel = new(LabMachine.Description);
    private readonly string directory = Directory.CreateTempSubdirectory("vgpu-").FullName;
    private readonly Journal journal;
    private readonly StepExecutor steps;

    public VgpuWriterTests()
    {
        journal = Journal.Open(directory, "boot-1");
        steps = new StepExecutor(
            new HostWriter(kernel.Paths, kernel.Calls, journal, TimeProvider.System, KernelThreads.Own),
            journal,
            new UnitStateReader(kernel.Paths)
        );
        kernel.LoadDriver(LabMachine.VgpuStandIn);
        Write("/sys/bus/pci/devices/0000:41:00.0/sriov_drivers_autoprobe", "0");
        Write("/sys/bus/pci/devices/0000:41:00.0/sriov_numvfs", "2");
        foreach (var function in (PciAddress[])[s_first, s_second])
        {
            Write($"/sys/bus/pci/devices/{function}/driver_override", "vgpu-standin");
            Write("/sys/bus/pci/drivers_probe", function.ToString());
        }
    }

    public void Dispose()
    {
        journal.Dispose();
        kernel.Dispose();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task Of_many_that_want_the_last_room_at_once_one_gets_it_and_only_that_is_recorded_as_ours()
    {
        var outcomes = await Task.WhenAll(GiveAsync(s_first, "904"), GiveAsync(s_second, "904"));

        Assert.IsType<StepOutcome.Done>(outcomes[0]);
        Assert.Equal(
            new StepOutcome.Failed(
                Reasons.NoRoom,
                $"its card has no room for the vGPU type 904 on {s_second} any more: creatable_vgpu_types lists none"
            ),
            outcomes[1]
        );
        Assert.Equal(["0000:41:10.0"], journal.State.Ownership.Vgpus.Keys.Select(d => d.ToString()));
        Assert.Equal(("904", "0"), (TypeOf(s_first), TypeOf(s_second)));
    }

    [Fact]
    public async Task A_type_that_somebody_gave_since_the_look_is_left_and_never_recorded_as_ours()
    {
        Write(FileOf(s_first), "901");

        foreach (var type in (string[])["901", "902"])
        {
            Assert.Equal(
                new StepOutcome.Failed(
                    Reasons.StepFailed,
                    $"{s_first} has the vGPU type 901 already, which somebody else gave it: it is left as it is"
                ),
                await GiveAsync(s_first, type)
            );
        }

        Assert.Equal(("901", 0), (TypeOf(s_first), journal.State.Ownership.Vgpus.Count));
    }

    [Fact]
    public async Task A_write_that_the_driver_refuses_is_said_with_its_words_and_struck_out_of_the_journal()
    {
        kernel.Faults.FailWrite(1, Errno.EINVAL, "current_vgpu_type");

        var failed = Assert.IsType<StepOutcome.Failed>(await GiveAsync(s_first, "901"));
        Assert.StartsWith(
            $"giving {s_first} the vGPU type 901 (writing 901 to {FileOf(s_first)}) failed: EINVAL; look at dmesg",
            failed.Message,
            StringComparison.Ordinal
        );
        Assert.Empty(journal.State.Ownership.Vgpus);
    }

    [Fact]
    public async Task What_is_ours_is_on_disk_before_the_write_and_a_type_that_is_another_by_now_is_not_taken()
    {
        var known = 0;
        kernel.Faults.EveryWrite = (
            (path, value) => known += value == "901" && journal.State.Ownership.Vgpus.ContainsKey(s_first) ? 1 : 0,
            (_, _) => { }
        );
        Assert.IsType<StepOutcome.Done>(await GiveAsync(s_first, "901"));
        Assert.Equal((1, "901"), (known, TypeOf(s_first)));

        Write(FileOf(s_first), "0");
        Write(FileOf(s_first), "902");
        var done = Assert.IsType<StepOutcome.Done>(await DoAsync(new PlanStep.TakeVgpuType(s_first, "901")));
        Assert.Equal($"{s_first}: is left as it is, its vGPU type is 902 instead of 901", done.What);
        Assert.Equal("902", TypeOf(s_first));
        Assert.IsType<StepOutcome.Done>(await DoAsync(new PlanStep.TakeVgpuType(s_first, "902")));
        Assert.Equal("0", TypeOf(s_first));
    }

    private Task<StepOutcome> GiveAsync(PciAddress function, string type) => DoAsync(new PlanStep.GiveVgpuType(function, type, null, "p"));

    private Task<StepOutcome> DoAsync(PlanStep step) => steps.ExecuteAsync(step, TestContext.Current.CancellationToken);

    private void Write(string path, string value) => Assert.True(kernel.Calls.WriteAttribute(path, value).IsSuccess);

    private string TypeOf(PciAddress function) => File.ReadAllText(kernel.Paths.Resolve(FileOf(function))).Trim();

    private static string FileOf(PciAddress function) => $"/sys/bus/pci/devices/{function}/nvidia/current_vgpu_type";
}
