using System.Globalization;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Usage;
using Hostdev.Sandbox.Kernel;
using Hostdev.Tests.Kube;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Usage;

/// <summary>How long a look at processes takes and what it keeps is not for processes to decide.</summary>
public sealed class BoundedLookTests : IDisposable
{
    private const string Nvme = "0000:84:00.0";
    private const string Edu = "0000:46:00.0";
    private static readonly LookBudget s_small = new(100, 150);

    private readonly UsageBench _bench = new(LabMachine.Description);
    private readonly FakeTime _time = new();

    private SimulatedKernel Kernel => _bench.Kernel;

    public void Dispose()
    {
        Kernel.Core.Tree.UnblockAllReads();
        _bench.Dispose();
    }

    [Fact]
    public void Of_thousands_of_files_that_are_no_device_s_none_is_kept_and_of_one_that_is_one()
    {
        var process = Kernel.Processes.Start("many");
        for (var i = 0; i < 2000; i++)
            process.OpenPlain(i % 2 == 0 ? "/dev/sg1" : "/dev/sda");
        var before = GC.GetAllocatedBytesForCurrentThread();
        var snapshot = Reader(new InPlace()).ReadDescriptors(new OpenFileFilter(n => n.IsBlock), LookBudget.Thorough);
        Assert.Equal(["/dev/sda is open in process 701 (many)"], snapshot.Open.Select(o => $"{o.Target} is {o.InProcess}"));
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 2000, 0, 8192);
    }

    [Fact]
    public void A_process_with_more_files_than_are_looked_through_costs_nothing_and_is_named()
    {
        var (many, few) = (Kernel.Processes.Start("many"), Kernel.Processes.Start("few"));
        for (var i = 0; i < 101; i++)
            many.OpenPlain("/dev/null");
        few.OpenPlain("/dev/sda");
        var calls = new Counting(Kernel.Calls);
        var snapshot = Reader(new InPlace(), calls).ReadDescriptors(new OpenFileFilter(n => n.IsBlock), s_small);
        Assert.Equal("process 701 (many) has 101 files open, which are not looked through, and may use anything by them", snapshot.Unseen);
        Assert.Equal([702], snapshot.Open.Select(o => o.Pid));
        Assert.Equal(1, calls.Descriptors);
    }

    [Fact]
    public void A_kernel_that_does_not_tell_how_many_there_are_is_read_as_far_as_the_budget_goes()
    {
        var many = Kernel.Processes.Start("many");
        for (var i = 0; i < 120; i++)
            many.OpenPlain("/dev/null");
        var calls = new Counting(Kernel.Calls) { TellsHowMany = false };
        var snapshot = Reader(new InPlace(), calls).ReadDescriptors(new OpenFileFilter(n => n.IsBlock), s_small);
        Assert.Equal(
            "process 701 (many) has more files open than are looked through, and may use anything by those after the first 100",
            snapshot.Unseen
        );
        Assert.Equal(100, calls.Descriptors);
    }

    [Fact]
    public void Many_processes_have_one_budget_together()
    {
        for (var i = 0; i < 3; i++)
        {
            var process = Kernel.Processes.Start("many");
            for (var j = 0; j < 90; j++)
                process.OpenPlain("/dev/null");
        }

        var calls = new Counting(Kernel.Calls);
        var snapshot = Reader(new InPlace(), calls).ReadDescriptors(new OpenFileFilter(n => n.IsBlock), s_small);
        Assert.Equal(
            "process 702 (many) has 90 files open, which are not looked through, and may use anything by them (and so it is with 1 more)",
            snapshot.Unseen
        );
        Assert.Equal(90, calls.Descriptors);
    }

    [Fact]
    public void Who_has_more_than_can_be_looked_through_may_use_anything_and_the_admin_reads_who()
    {
        Kernel.Processes.Start("evil");
        using var proof = _bench.Prove(Edu, new Counting(Kernel.Calls) { Claimed = 5_000_000 });
        Assert.Equal(
            [$"{Edu}: process 701 (evil) has 5000000 files open, which are not looked through, and may use anything by them"],
            proof.Users
        );
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 300)]
    public void An_answer_that_somebody_waits_for_is_made_without_looking_through_many_files(bool quick, int looked)
    {
        var evil = Kernel.Processes.Start("evil");
        for (var i = 0; i < 300; i++)
            evil.OpenPlain("/dev/null");
        var calls = new Counting(Kernel.Calls) { Claimed = 100_000 };
        var holders = new NodeHolderReader(Kernel.Paths, calls, new InPlace(), _time).Read(["244:7"], quick);
        Assert.Equal(looked, calls.Descriptors);
        Assert.Null(holders.FirstOf([("/dev/vfio/7", "244:7")], mayOpen: true)); // there is no such group to hold
    }

    [Fact]
    public void Of_one_file_system_s_thousand_mounts_some_are_kept_and_of_those_without_a_device_none()
    {
        var process = Kernel.Processes.Start("many", "mnt:[4026532999]");
        _bench.Write(
            $"/proc/{process.Pid}/mountinfo",
            string.Concat(
                Enumerable
                    .Range(0, 1000)
                    .Select(i =>
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"{i} 35 0:{i} / /t{i} rw - tmpfs /dev/sda rw\n{i} 35 8:0 / /d{i} rw - ext4 /dev/sda rw\n"
                        )
                    )
            )
        );
        var mounts = Reader(new InPlace()).Read(new OpenFileFilter(n => n.IsBlock), LookBudget.Thorough).Mounts;
        Assert.Equal(64, mounts.Count(m => m.Pid == process.Pid));
        Assert.All(mounts.Where(m => m.Pid == process.Pid), m => Assert.Equal("ext4", m.Type));
    }

    [Fact]
    public async Task A_process_whose_memory_map_hangs_is_given_up_once_and_all_others_are_seen()
    {
        var evil = Kernel.Processes.Start("evil");
        Kernel.Processes.Start("reader").OpenPlain("/dev/sda");
        Kernel.Core.Tree.BlockReads($"/proc/{evil.Pid}/maps");
        var reader = Reader(KernelThreads.Own);
        ProcessSnapshot Look() =>
            reader.Read(new OpenFileFilter(n => n.IsBlock, new PciMemory(new(Kernel.Paths), Kernel.Calls)), LookBudget.Thorough);

        var look = Task.Run(Look, TestContext.Current.CancellationToken);
        await Waiting.UntilAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return look.IsCompleted;
        });
        Assert.Equal(
            "what process 701 has open and mapped cannot be seen: the kernel does not answer, because a memory map or a file of that "
                + "process hangs",
            (await look).Unseen
        );
        Assert.Equal([702], (await look).Open.Select(o => o.Pid));

        var again = Look(); // nothing waits for it a second time
        Assert.Equal(
            "what process 701 has open and mapped cannot be seen: the kernel does not answer, and an earlier call for it still hangs",
            again.Unseen
        );
        Assert.Equal([702], again.Open.Select(o => o.Pid));

        Kernel.Core.Tree.UnblockReads($"/proc/{evil.Pid}/maps");
        await Waiting.UntilAsync(() => Look().Unseen is null);
    }

    private ProcessReader Reader(KernelThreads threads, IHostCalls? calls = null) =>
        new(Kernel.Paths, calls ?? Kernel.Calls, threads, _time);

    private sealed class InPlace : KernelThreads
    {
        public override void Start(string name, Action body) => body();
    }

    /// <summary>How many descriptors are looked at.</summary>
    private sealed class Counting(IHostCalls kernel) : DecoratedCalls(kernel)
    {
        public int Descriptors { get; private set; }

        public bool TellsHowMany { get; init; } = true;

        /// <summary>What the first process after init says that it has open.</summary>
        public ulong? Claimed { get; init; }

        public override FileLook Look(string path)
        {
            var look = base.Look(path);
            if (path.EndsWith("/fd", StringComparison.Ordinal))
                return look with
                {
                    Size =
                        path == "/proc/701/fd" && Claimed is { } claimed ? claimed
                        : TellsHowMany ? look.Size
                        : 0,
                };
            if (path.Contains("/fd/", StringComparison.Ordinal))
                Descriptors++;
            return look;
        }
    }
}
