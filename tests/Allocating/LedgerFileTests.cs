using System.Text.Json.Nodes;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Allocating;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Allocating;

public sealed class LedgerFileTests : IDisposable
{
    private static readonly Allocation Given = new()
    {
        Id = "0000:43:00.0",
        Resource = "example.com/gpu",
        Functions = [PciAddress.Parse("0000:43:00.0"), PciAddress.Parse("0000:43:00.1")],
        Drivers = [new BoundDevice(PciAddress.Parse("0000:43:00.0"), "vfio-pci")],
        Nodes = [new AnsweredNode("/dev/vfio/12", "243:0"), new AnsweredNode("/dev/vfio/devices/vfio3", "")],
        AnsweredAt = new DateTimeOffset(2026, 1, 2, 12, 0, 0, TimeSpan.Zero),
        Pod = "default/vm",
        AbsentSince = new DateTimeOffset(2026, 1, 2, 12, 0, 5, TimeSpan.Zero),
    };

    private readonly string _directory = Directory.CreateTempSubdirectory("ledger-").FullName;

    private string File => Path.Combine(_directory, "allocations.json");

    [Fact]
    public void Without_a_file_nothing_is_given_out() => Assert.Empty(new LedgerFile(_directory, "boot-1").Read().ById);

    [Fact]
    public void What_was_written_is_read()
    {
        new LedgerFile(_directory, "boot-1").Write(
            AllocationLedger.Empty.Record(Given).Record(Given with { Id = "0000:44:00.0", Pod = null, AbsentSince = null })
        );
        var read = new LedgerFile(_directory, "boot-1").Read();

        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], read.ById.Keys);
        var first = read.ById["0000:43:00.0"];
        Assert.Equal(Given.Functions.AsEnumerable(), first.Functions);
        Assert.Equal(Given.Nodes.AsEnumerable(), first.Nodes);
        Assert.Equal(Given.Drivers.AsEnumerable(), first.Drivers);
        Assert.Equal(
            (Given.Resource, Given.AnsweredAt, Given.Pod, Given.AbsentSince),
            (first.Resource, first.AnsweredAt, first.Pod, first.AbsentSince)
        );
        Assert.Equal((null, null), (read.ById["0000:44:00.0"].Pod, read.ById["0000:44:00.0"].AbsentSince));
    }

    /// <summary>In the file they are the texts that the version before has.</summary>
    [Fact]
    public void Nodes_and_drivers_are_texts_in_the_file()
    {
        new LedgerFile(_directory, "boot-1").Write(AllocationLedger.Empty.Record(Given));
        var written = JsonNode.Parse(System.IO.File.ReadAllText(File))!["allocations"]![0]!;

        Assert.Equal("""["0000:43:00.0","0000:43:00.1"]""", written["functions"]!.ToJsonString());
        Assert.Equal("""["0000:43:00.0=vfio-pci"]""", written["drivers"]!.ToJsonString());
        Assert.Equal("""["/dev/vfio/12=243:0","/dev/vfio/devices/vfio3="]""", written["nodes"]!.ToJsonString());
    }

    [Fact]
    public void Another_boot_knows_of_nothing_given_out_and_what_was_given_before()
    {
        new LedgerFile(_directory, "boot-1").Write(AllocationLedger.Empty.Record(Given).GiveUp("0000:45:00.0", "too slow"));

        var read = new LedgerFile(_directory, "boot-2").Read();
        Assert.Empty(read.ById);
        Assert.Empty(read.GivenUp); // it is tried again
        Assert.Equal(Given.Nodes.AsEnumerable(), read.Earlier["0000:43:00.0"].Nodes);

        // It stays so until it is taken up or forgotten, over restarts and over another boot.
        new LedgerFile(_directory, "boot-2").Write(read.Record(Given with { Id = "0000:44:00.0" }).GiveUp("0000:45:00.0", "too slow"));
        read = new LedgerFile(_directory, "boot-2").Read();
        Assert.Equal(["0000:44:00.0"], read.ById.Keys);
        Assert.Equal(["0000:43:00.0"], read.Earlier.Keys);
        Assert.Equal("too slow", read.GivenUp["0000:45:00.0"]);
        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], new LedgerFile(_directory, "boot-3").Read().Earlier.Keys);
    }

    /// <summary>It passes over what it does not know, and what it writes has none of it.</summary>
    [Fact]
    public void The_version_before_reads_what_was_given_out_in_this_boot_and_its_file_is_read()
    {
        var ledger = AllocationLedger.Empty with { Earlier = AllocationLedger.Empty.Record(Given with { Id = "0000:44:00.0" }).ById };
        new LedgerFile(_directory, "boot-1").Write(ledger.Record(Given).GiveUp("0000:45:00.0", "too slow"));
        var written = JsonNode.Parse(System.IO.File.ReadAllText(File))!.AsObject();
        Assert.Equal("0000:43:00.0", Assert.Single(written["allocations"]!.AsArray())!["id"]!.GetValue<string>());
        Assert.Equal(1, written["format"]!.GetValue<int>()); // a newer one it would refuse

        foreach (var added in written.Select(f => f.Key).Except(["format", "bootId", "allocations"], StringComparer.Ordinal).ToList())
            written.Remove(added);
        System.IO.File.WriteAllText(File, written.ToJsonString());
        var read = new LedgerFile(_directory, "boot-1").Read();
        Assert.Equal(["0000:43:00.0"], read.ById.Keys);
        Assert.True(read.Earlier.IsEmpty && read.GivenUp.IsEmpty);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"bootId":"boot-1","allocations":[{"id":"a"}]}""")]
    [InlineData("""{"bootId":"boot-1","allocations":null}""")]
    [InlineData("""{"bootId":"boot-1","allocations":[null]}""")]
    [InlineData("""{"bootId":"boot-1","allocations":[],"earlier":[null]}""")]
    [InlineData("""{"bootId":"boot-1","allocations":[],"givenUp":[{"id":"a"}]}""")]
    [InlineData(
        """
            {"bootId":"boot-1","allocations":[
              {"id":"a","resource":"r","functions":[],"drivers":["vfio-pci"],"nodes":[],"answeredAt":"2026-01-02T12:00:00Z"}]}
            """
    )]
    public void A_file_that_cannot_be_read_stops_the_agent_and_names_the_remedy(string text)
    {
        System.IO.File.WriteAllText(File, text);

        var message = Assert.Throws<JournalException>(() => new LedgerFile(_directory, "boot-1").Read()).Message;
        Assert.StartsWith($"{File}: ", message, StringComparison.Ordinal);
        Assert.EndsWith(
            "It says which pods have which devices: restore it, or remove it when no VM pod runs on this node",
            message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_file_of_a_future_format_is_refused()
    {
        System.IO.File.WriteAllText(File, """{"format":2,"bootId":"boot-1","allocations":[]}""");

        Assert.Contains(
            "it has format 2 and this version reads 1: run the version that wrote it",
            Assert.Throws<JournalException>(() => new LedgerFile(_directory, "boot-1").Read()).Message,
            StringComparison.Ordinal
        );
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
