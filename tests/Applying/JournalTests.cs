using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.Planning;
using Xunit;

namespace Hostdev.Tests.Applying;

public sealed class JournalTests : IDisposable
{
    private const string Remedy =
        "It says how this host was before Hostdev changed it, so nothing is done without it: restore the file, or "
        + "move it away to adopt the host as it is now (reboot to get the original drivers back), and restart "
        + "the agent";
    private const string Open = """{"op":"Open","format":1,"bootId":"boot-1"}""";
    private const string Gpu = """{"op":"RecordFunction","address":"0000:43:00.0","driver":"nouveau","policy":"p"}""";

    private readonly string _directory = Directory.CreateTempSubdirectory("journal-").FullName;

    private string File => Path.Combine(_directory, "journal.jsonl");

    [Fact]
    public void What_was_appended_is_there_after_a_restart()
    {
        using (var journal = Journal.Open(_directory, "boot-1"))
            journal.Append(Record("0000:43:00.0"));

        using var again = Journal.Open(_directory, "boot-1");
        Assert.Equal("nouveau", again.State.Ownership.Functions[PciAddress.Parse("0000:43:00.0")].OriginalDriver);
    }

    [Fact]
    public void A_record_is_in_the_file_before_Append_returns()
    {
        using var journal = Journal.Open(_directory, "boot-1");
        journal.Append(Record("0000:43:00.0"));

        Assert.Equal($"{Open}\n{Gpu}\n", System.IO.File.ReadAllText(File));
    }

    [Fact]
    public void The_directory_is_made_when_it_is_missing()
    {
        using var journal = Journal.Open(Path.Combine(_directory, "a", "b"), "boot-1");

        Assert.Empty(journal.State.ToRecords());
    }

    [Fact]
    public void A_last_line_that_a_crash_cut_off_is_dropped()
    {
        for (var length = 0; length <= Gpu.Length; length++)
        {
            Write($"{Open}\n{Gpu.Replace("43", "42", StringComparison.Ordinal)}\n{Gpu[..length]}");
            using var journal = Journal.Open(_directory, "boot-1");
            Assert.Equal(["0000:42:00.0"], journal.State.Ownership.Functions.Keys.Select(a => a.ToString()));
        }
    }

    [Fact]
    public void After_a_dropped_line_the_journal_goes_on_whole()
    {
        Write($"{Open}\n{Gpu[..20]}");
        using (var journal = Journal.Open(_directory, "boot-1"))
            journal.Append(Record("0000:43:00.0"));

        using var again = Journal.Open(_directory, "boot-1");
        Assert.Single(again.State.Ownership.Functions);
    }

    [Theory]
    [InlineData(2, "{\"op\":\"RecordFunction\",\"addr")]
    [InlineData(2, "")]
    [InlineData(2, "null")]
    [InlineData(2, "{}")]
    [InlineData(2, "{\"op\":\"Unheard\"}")]
    [InlineData(2, "{\"op\":\"ForgetFunction\",\"address\":\"43:00.0\"}")]
    [InlineData(2, "{\"op\":\"Write\",\"path\":1}")]
    [InlineData(2, "\0\0\0\0")]
    public void Damage_anywhere_else_is_said_with_file_line_and_remedy(int line, string damaged)
    {
        Write($"{Open}\n{damaged}\n{Gpu}\n");

        var message = DamageOf();
        Assert.StartsWith($"{File}, line {line}: ", message, StringComparison.Ordinal);
        Assert.EndsWith(Remedy, message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_is_said_in_words()
    {
        Write($"{Open}\n{{\"op\":\"ForgetFunction\",\"address\":\"43:00.0\"}}\n");

        Assert.Equal(
            $"{File}, line 2: \"43:00.0\" is no PCI address: write domain:bus:slot.function in hexadecimal, for "
                + $"example 0000:3b:00.0. {Remedy}",
            DamageOf()
        );
    }

    [Theory]
    [InlineData(
        """{"op":"RecordPhysicalFunction","address":"0000:41:00.0","policy":"p","numVfs":0}""",
        "autoprobe is missing in a RecordPhysicalFunction record"
    )]
    [InlineData("""{"op":"RecordNode","path":"/dev/vfio/12","uid":0,"gid":null,"mode":384}""", "gid is missing in a RecordNode record")]
    [InlineData("""{"op":"RecordFunction"}""", "address is missing in a RecordFunction record")]
    [InlineData("""{"op":"ForgetFunction"}""", "address is missing in a ForgetFunction record")]
    [InlineData("""{"op":"RecordFault","address":"0000:43:00.0","fatalErrors":0}""", "fault is missing in a RecordFault record")]
    [InlineData("""{"op":"Write","path":"/sys/x"}""", "value is missing in a Write record")]
    [InlineData("""{"address":"0000:43:00.0"}""", "op is missing")]
    [InlineData(
        """{"op":"Unheard","address":"0000:43:00.0"}""",
        "its operation Unheard is not known to this version: run the version that wrote it"
    )]
    [InlineData("""{"op":7}""", "its operation 7 is not known to this version: run the version that wrote it")]
    [InlineData("""{"op":"RecordNode","path":"/dev/vfio/12","uid":"root","gid":0,"mode":384}""", "uid has a value of the wrong kind")]
    [InlineData("not json", "'not json' is an invalid JSON literal. Expected the literal 'null'")]
    public void A_record_that_lacks_what_it_needs_is_damage_and_the_field_is_named(string line, string words)
    {
        Write($"{Open}\n{line}\n");

        Assert.Equal($"{File}, line 2: {words}. {Remedy}", DamageOf());
    }

    [Theory]
    [InlineData("""{"address":"0000:43:00.0","driver":"nouveau","policy":"p","op":"RecordFunction"}""")]
    [InlineData("""{ "op": "RecordFunction", "later": {"op": "Write"}, "address": "0000:43:00.0", "driver": "nouveau", "policy": "p" }""")]
    [InlineData("""{"op":"RecordFunction","address":"0000:43:00.0","driver":"nouveau","driverOverride":null,"policy":"p"}""")]
    public void The_order_of_the_fields_does_not_matter_nor_does_what_is_not_known(string line)
    {
        Write($"{Open}\n{line}\n");
        Journal.Open(_directory, "boot-1").Dispose();

        Assert.Equal($"{Open}\n{Gpu}\n", System.IO.File.ReadAllText(File));
    }

    /// <summary>Byte for byte: files of versions on both sides are compared with an editor, and this is the file's documentation.</summary>
    [Theory]
    [InlineData("""{"op":"RecordFunction","address":"0000:43:00.0","driver":"nouveau","driverOverride":"odd","policy":"p"}""")]
    [InlineData("""{"op":"RecordFunction","address":"0000:43:00.0","policy":""}""")]
    [InlineData("""{"op":"ForgetFunction","address":"10000:43:00.0"}""")]
    [InlineData("""{"op":"RecordPhysicalFunction","address":"0000:41:00.0","policy":"p","numVfs":0,"autoprobe":true}""")]
    [InlineData("""{"op":"OpenVfSetup","address":"0000:41:00.0","numVfs":4}""")]
    [InlineData("""{"op":"OpenVfSetup","address":"0000:41:00.0"}""")]
    [InlineData("""{"op":"CloseVfSetup","address":"0000:41:00.0","numVfs":7}""")]
    [InlineData("""{"op":"ForgetPhysicalFunction","address":"0000:41:00.0"}""")]
    [InlineData("""{"op":"RecordAttribute","address":"0000:41:00.0","file":"power/control","original":"on","value":"auto","policy":"p"}""")]
    [InlineData("""{"op":"RecordAttribute","address":"0000:41:10.0","file":"sriov_vf_msix_count","value":"4","policy":"p"}""")]
    [InlineData("""{"op":"RecordAttribute","address":"0000:41:00.0","file":"vf 3 vlan","original":"0","value":"100 qos 2","policy":"p"}""")]
    [InlineData("""{"op":"ConfirmAttribute","address":"0000:41:00.0","file":"power/control","reads":"auto"}""")]
    [InlineData("""{"op":"ConfirmAttribute","address":"0000:41:10.0","file":"sriov_vf_msix_count"}""")]
    [InlineData("""{"op":"ForgetAttribute","address":"0000:41:00.0","file":"power/control"}""")]
    [InlineData("""{"op":"FinishMdev","uuid":"686f7374-6465-8c00-8000-000000000001","attributes":"a=1\nb=2"}""")]
    [InlineData("""{"op":"RecordLoan","address":"0000:01:00.0/1.4","lent":"46f4:0001:A","policy":"p","drivers":"1.0=usb-storage 1.1="}""")]
    [InlineData("""{"op":"RecordLoan","address":"scsi-0123456789abcdef","lent":"naa.5000c500a1b2c3d4","policy":"p"}""")]
    [InlineData("""{"op":"ForgetLoan","address":"0000:01:00.0/1.4"}""")]
    [InlineData("""{"op":"RecordNode","path":"/dev/vfio/12","uid":0,"gid":0,"mode":384}""")]
    [InlineData("""{"op":"ForgetNode","path":"/dev/vfio/12"}""")]
    [InlineData("""{"op":"RecordFault","address":"0000:43:00.0","fault":"it caught fire","fatalErrors":3}""")]
    [InlineData("""{"op":"ClearFault","address":"0000:43:00.0","fatalErrors":3}""")]
    [InlineData("""{"op":"ForgetFault","address":"0000:01:00.0/1.4"}""")]
    [InlineData("""{"op":"InForceBefore"}""")]
    [InlineData("""{"op":"InForceBefore","address":"0000:43:00.0"}""")]
    [InlineData("""{"op":"Confirm"}""")]
    [InlineData("""{"op":"Write","path":"/sys/bus/pci/drivers_probe","value":"0000:43:00.0\n"}""")]
    [InlineData("""{"op":"Write","path":"/sys/x","value":"1","at":"2026-11-29T08:29:56+00:00"}""")]
    [InlineData("""{"op":"Open","format":1,"bootId":"boot-1"}""")]
    public void Each_operation_is_written_as_it_is_read(string line) => Assert.Equal(line, JournalLine.Write(JournalLine.Read(line)));

    [Theory]
    [InlineData("")]
    [InlineData("{\"op\":\"Open\",\"form")]
    public void A_file_without_a_whole_first_line_is_damaged_and_not_new(string content)
    {
        Write(content);

        Assert.StartsWith($"{File}, line 1: it is cut off before the end of its first line. ", DamageOf(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_file_is_left_as_it_is_and_the_lock_is_free_again()
    {
        Write($"{Open}\nbroken\n{Gpu}\n");
        using (var journal = Journal.Open(_directory, "boot-1"))
        {
            Assert.Throws<JournalException>(() => journal.Append(Record("0000:44:00.0")));
            Assert.Empty(journal.State.ToRecords());
        }

        Assert.Equal($"{Open}\nbroken\n{Gpu}\n", System.IO.File.ReadAllText(File));
        System.IO.File.Delete(File);
        Journal.Open(_directory, "boot-1").Dispose();
    }

    [Fact]
    public void A_file_that_does_not_begin_with_its_format_is_refused()
    {
        Write($"{Gpu}\n");

        Assert.StartsWith($"{File}, line 1: the first line must be an Open record. ", DamageOf(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("boot-1")]
    [InlineData("boot-2")]
    public void A_format_of_the_future_is_refused_whatever_the_boot(string boot)
    {
        Write("""{"op":"Open","format":2,"bootId":"boot-1"}""" + "\n");

        Assert.StartsWith(
            $"{File}, line 1: it has format 2 and this version reads 1: run the version that wrote it. ",
            DamageOf(boot),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Another_boot_voids_everything_but_the_memory_that_it_was_ours()
    {
        Write($"{Open}\n{Gpu}\n");
        for (var boot = 2; boot <= 3; boot++) // a boot in which nobody confirmed it forgets nothing either
        {
            using var journal = Journal.Open(_directory, $"boot-{boot}");
            Assert.Empty(journal.State.Ownership.Functions);
            Assert.Equal("0000:43:00.0", Assert.Single(journal.State.InForceBefore!).ToString());
        }

        using (var journal = Journal.Open(_directory, "boot-3"))
            journal.Append(new JournalRecord.Confirm());
        using (var journal = Journal.Open(_directory, "boot-3"))
            Assert.Null(journal.State.InForceBefore);
        Assert.Equal(Open.Replace("boot-1", "boot-3", StringComparison.Ordinal) + "\n", System.IO.File.ReadAllText(File));
    }

    [Fact]
    public void Of_an_earlier_boot_s_journal_that_is_damaged_what_can_be_read_is_remembered()
    {
        Write($"{Open}\n{Gpu}\nnot a record\n{Gpu}\n");
        using var journal = Journal.Open(_directory, "boot-2");
        Assert.Null(journal.Damage);
        Assert.Equal("0000:43:00.0", Assert.Single(journal.State.InForceBefore!).ToString());
    }

    [Fact]
    public void A_second_agent_is_refused_with_a_sentence()
    {
        using var first = Journal.Open(_directory, "boot-1");
        var message = Assert.Throws<JournalException>(() => Journal.Open(_directory, "boot-1")).Message;

        Assert.Equal(
            $"{Path.Combine(_directory, "lock")} is locked: another agent (process {Environment.ProcessId}) runs on "
                + "this host; two would undo each other's work. Stop the other one first",
            message
        );
        first.Append(Record("0000:43:00.0"));
        Assert.Single(first.State.Ownership.Functions);
    }

    [Fact]
    public void Opening_shortens_the_file_and_keeps_its_meaning()
    {
        var forgotten = """{"op":"ForgetFunction","address":"0000:42:00.0"}""";
        Write($"{Open}\n{Gpu.Replace("43", "42", StringComparison.Ordinal)}\n{forgotten}\n{Gpu}\n{Gpu}\n");

        Journal.Open(_directory, "boot-1").Dispose();

        Assert.Equal($"{Open}\n{Gpu}\n", System.IO.File.ReadAllText(File));
    }

    [Fact]
    public void A_long_journal_is_shortened_while_it_runs_and_keeps_its_meaning()
    {
        using (var journal = Journal.Open(_directory, "boot-1"))
        {
            journal.Append(Record("0000:43:00.0"));
            for (var i = 0; i < 3; i++)
                journal.Append(new JournalRecord.Write("/sys/x", new string('v', 400_000)));
            Assert.True(new FileInfo(File).Length < 10_000, "it was not shortened");
            journal.Append(Record("0000:44:00.0"));
        }

        using var again = Journal.Open(_directory, "boot-1");
        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], again.State.Ownership.Functions.Keys.Select(a => a.ToString()));
    }

    [Fact]
    public void A_replacement_that_a_crash_left_behind_is_no_hindrance()
    {
        Write($"{Open}\n{Gpu}\n");
        System.IO.File.WriteAllText(File + ".new", "half");
        using var journal = Journal.Open(_directory, "boot-1");

        Assert.Single(journal.State.Ownership.Functions);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string DamageOf(string boot = "boot-1")
    {
        using var journal = Journal.Open(_directory, boot);
        return journal.Damage ?? "none";
    }

    private void Write(string text) => System.IO.File.WriteAllText(File, text);

    private static JournalRecord Record(string address) =>
        new JournalRecord.RecordFunction(PciAddress.Parse(address), "nouveau", null, "p");
}
