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
        foreach (var name in names) File.WriteAllText(root + name, name + "\n");
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
            if (i > 0) Assert.StartsWith("has been blocked for", read[0].Complaint, StringComparison.Ordinal);
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
        foreach (var name in names) Fifo.Create(root + name);
        var slow = new DeadlineReader(new HostFileReader(new HostPaths(root)), TimeProvider.System, TimeSpan.FromMilliseconds(120));
        var read = slow.ReadAll([.. names]);
        Assert.All(read, r => Assert.Equal(Errno.ETIMEDOUT, r.Error));
        Assert.EndsWith("other reads were blocked for 0.1 s", read[^1].Complaint, StringComparison.Ordinal);
        foreach (var name in names[..slow.OutstandingReads]) Fifo.Answer(root + name, "");
        SpinWait.SpinUntil(() => slow.OutstandingReads == 0, TimeSpan.FromSeconds(10));
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

    private void Release(params string[] names)
    {
        foreach (var name in names) Fifo.Answer(root + name, "late");
        Assert.True(SpinWait.SpinUntil(() => reader.OutstandingReads == 0, TimeSpan.FromSeconds(10)));
    }
}
