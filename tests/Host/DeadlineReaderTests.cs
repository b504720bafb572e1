using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Host;

public sealed class DeadlineReaderTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);
    private readonly string root = Directory.CreateTempSubdirectory("deadline-").FullName;
    private readonly DeadlineReader reader;

    public DeadlineReaderTests() => reader = new DeadlineReader(new HostFileReader(new HostPaths(root)), TimeProvider.System, Deadline);

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Reads_in_the_order_asked_for()
    {
        var names = Enumerable.Range(0, 200).Select(i => $"/{i}").ToList();
        foreach (var name in names)
            File.WriteAllText(root + name, name + "\n");
        Assert.Equal(names, reader.ReadAll([.. names]).Select(r => r.Text));
        Assert.Empty(reader.ReadAll([]));
    }

    [Fact]
    public void Gives_up_on_what_blocks_and_reads_the_rest()
    {
        Fifo.Create(root + "/a");
        Fifo.Create(root + "/b");
        File.WriteAllText(root + "/c", "4\n");
        var read = reader.ReadAll(["/a", "/b", "/c", "/missing"]);
        Assert.Equal("is blocked: no answer within 2 s, the kernel holds the device's lock", read[0].Complaint);
        Assert.Equal(Errno.ETIMEDOUT, read[1].Error);
        Assert.Equal("4", read[2].Text);
        Assert.True(read[3].IsAbsent);
        Release("/a", "/b");
    }

    [Fact]
    public void Keeps_one_thread_for_each_blocked_file_and_answers_at_once_until_it_returns()
    {
        Fifo.Create(root + "/a");
        for (var i = 0; i < 20; i++)
        {
            var read = reader.ReadAll(["/a"]);
            if (i > 0)
                Assert.StartsWith("has been blocked for", read[0].Complaint, StringComparison.Ordinal);
            Assert.Equal(1, reader.OutstandingReads);
        }

        Release("/a");
        File.Delete(root + "/a");
        File.WriteAllText(root + "/a", "7");
        Assert.Equal("7", reader.ReadAll(["/a"])[0].Text);
    }

    [Fact]
    public void Says_of_what_it_never_came_to_that_others_were_in_the_way()
    {
        var names = Enumerable.Range(0, 20).Select(i => $"/{i}").ToArray();
        foreach (var name in names)
            Fifo.Create(root + name);
        var slow = new DeadlineReader(new HostFileReader(new HostPaths(root)), TimeProvider.System, TimeSpan.FromMilliseconds(120));
        var read = slow.ReadAll([.. names]);
        Assert.All(read, r => Assert.Equal(Errno.ETIMEDOUT, r.Error));
        Assert.Contains("other reads were blocked for ", read[^1].Complaint, StringComparison.Ordinal);
        foreach (var name in names[..slow.OutstandingReads])
            Fifo.Answer(root + name, "");
        SpinWait.SpinUntil(() => slow.OutstandingReads == 0, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void With_too_many_reads_hanging_no_more_files_are_read_and_each_says_why()
    {
        foreach (var name in (string[])["/a", "/b"])
            Fifo.Create(root + name);
        File.WriteAllText(root + "/c", "3");
        var slow = new DeadlineReader(
            new HostFileReader(new HostPaths(root)),
            TimeProvider.System,
            TimeSpan.FromMilliseconds(120),
            mostHung: 2
        );
        slow.ReadAll(["/a", "/b"]);

        var read = slow.ReadAll(["/a", "/c"]);

        Assert.StartsWith("has been blocked for", read[0].Complaint, StringComparison.Ordinal);
        Assert.StartsWith("was not read: 2 calls hang in the kernel, the first for ", read[1].Complaint, StringComparison.Ordinal);
        Fifo.Answer(root + "/a", "");
        Assert.True(SpinWait.SpinUntil(() => slow.OutstandingReads == 1, TimeSpan.FromSeconds(10)));
        Assert.Equal("3", slow.ReadAll(["/c"])[0].Text);
        Fifo.Answer(root + "/b", "");
    }

    [Fact]
    public void Tells_once_for_each_file_that_was_reported_as_blocked_when_it_comes_back()
    {
        var told = 0;
        reader.CameBackLate = () => Interlocked.Increment(ref told);
        File.WriteAllText(root + "/b", "2");
        Fifo.Create(root + "/a");
        reader.ReadAll(["/a", "/b"]);
        reader.ReadAll(["/a", "/b"]);
        Assert.Equal(0, told);
        Release("/a");
        Assert.True(SpinWait.SpinUntil(() => told > 0, TimeSpan.FromSeconds(10)));
        File.Delete(root + "/a");
        File.WriteAllText(root + "/a", "7");
        reader.ReadAll(["/a", "/b"]);
        Assert.Equal(1, told);
    }

    [Fact]
    public void A_busy_machine_is_given_more_time_and_what_it_reads_then_is_no_problem()
    {
        Fifo.Create(root + "/a");
        File.WriteAllText(root + "/b", "2");
        var threads = new ScriptedThreads(busyLooks: 3)
        {
            OnLook = look =>
            {
                if (look == 3)
                    Fifo.Answer(root + "/a", "1");
            },
        };
        var busy = new DeadlineReader(new HostFileReader(new HostPaths(root)), TimeProvider.System, TimeSpan.FromMilliseconds(50), threads);
        Assert.Equal(["1", "2"], busy.ReadAll(["/a", "/b"]).Select(r => r.Text));
        Assert.Equal(0, busy.OutstandingReads);
    }

    [Fact]
    public void A_machine_that_stays_busy_is_said_to_be_and_not_the_device_to_be_blocked()
    {
        Fifo.Create(root + "/a");
        var threads = new ScriptedThreads(busyLooks: int.MaxValue);
        var busy = new DeadlineReader(new HostFileReader(new HostPaths(root)), TimeProvider.System, TimeSpan.FromMilliseconds(20), threads);
        var read = busy.ReadAll(["/a"])[0];
        Assert.Equal((Errno.ETIMEDOUT, "was not read within 0.3 s: this machine is too busy"), (read.Error, read.Complaint));
        Fifo.Answer(root + "/a", "late");
        Assert.True(SpinWait.SpinUntil(() => busy.OutstandingReads == 0, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void A_thread_that_sleeps_in_a_read_is_in_the_kernel_and_one_that_runs_or_waits_for_another_thread_is_not()
    {
        Fifo.Create(root + "/a");
        using var go = new ManualResetEventSlim();
        using var locked = new SemaphoreSlim(0);
        var stop = false;
        var blocked = Start(() => File.ReadAllText(root + "/a"));
        var spinning = Start(() => SpinWait.SpinUntil(() => Volatile.Read(ref stop)));
        var waiting = Start(() => locked.Wait(TestContext.Current.CancellationToken));
        var threads = new ReaderThreads();
        Assert.True(SpinWait.SpinUntil(() => threads.IsInKernel(blocked), TimeSpan.FromSeconds(10)));
        Assert.True(SpinWait.SpinUntil(() => !threads.IsInKernel(spinning), TimeSpan.FromSeconds(10)));
        Assert.True(SpinWait.SpinUntil(() => !threads.IsInKernel(waiting), TimeSpan.FromSeconds(10)));
        Volatile.Write(ref stop, true);
        locked.Release();
        Fifo.Answer(root + "/a", "");
    }

    private static int Start(Action act)
    {
        var id = new TaskCompletionSource<int>();
        new Thread(() =>
        {
            id.SetResult(new ReaderThreads().Current);
            act();
        })
        {
            IsBackground = true,
        }.Start();
        return id.Task.GetAwaiter().GetResult();
    }

    /// <summary>Threads that seem to wait for the processor at the first looks, and for the kernel afterwards.</summary>
    private sealed class ScriptedThreads(int busyLooks) : IReaderThreads
    {
        private int _looks;

        public Action<int> OnLook { get; init; } = _ => { };

        public int Current => 1;

        public bool IsInKernel(int thread)
        {
            var look = Interlocked.Increment(ref _looks);
            OnLook(look);
            return look > busyLooks;
        }
    }

    private void Release(params string[] names)
    {
        foreach (var name in names)
            Fifo.Answer(root + name, "late");
        Assert.True(SpinWait.SpinUntil(() => reader.OutstandingReads == 0, TimeSpan.FromSeconds(10)));
    }
}
