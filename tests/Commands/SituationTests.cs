using System.Globalization;
using System.Text;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Commands;
using Hostdev.Planning.Explaining;
using Hostdev.Planning.Foreseeing;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Commands;

/// <summary>
/// What <c>plan</c> and <c>explain</c> say, word by word, in small set-ups of the simulated kernel: a file each in
/// <c>tests/testdata/goldens/situations</c>.
/// </summary>
public sealed class SituationTests
{
    public static TheoryData<string> Names => [.. Situations.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Each_situation_is_said_in_its_words(string name)
    {
        var it = Situations.All[name];
        using var node = new SimulatedNode(it.Machine);
        var directory = Directory.CreateTempSubdirectory("situation-").FullName;
        try
        {
            await it.Before(node);
            var file = Path.Combine(directory, "desired.yaml");
            await File.WriteAllTextAsync(file, it.Desired, TestContext.Current.CancellationToken);
            if (it.IsDisabled)
                await File.WriteAllTextAsync(Path.Combine(directory, "disabled"), "maintenance\n", TestContext.Current.CancellationToken);
            Matches(name, PlanCommand.Look(file, directory, node.Machine, TimeProvider.System), it.Device, directory);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    public static TheoryData<string> RunningNames => [.. Situations.Running.Keys];

    /// <summary>What is so where an agent follows what is desired, and not what would be.</summary>
    [Theory]
    [MemberData(nameof(RunningNames))]
    public async Task Beside_an_agent_it_is_said_what_is(string name)
    {
        var it = Situations.Running[name];
        var node = new SimulatedNode();
        await using var bench = await ScenarioBench.StartAsync(node, it.Desired);
        await bench.ReadyAsync();
        if (it.Pod is { } resource)
        {
            var pod = await bench.Kubelet.AdmitPodAsync(
                "vms",
                "vm",
                new Dictionary<string, int>(StringComparer.Ordinal) { [resource] = 1 }
            );
            Assert.Equal("", pod.Message);
            await bench.UntilAsync(() => bench.Host.Allocator.Ledger.ById.Values.All(a => a.Pod is not null));
        }

        if (it.Then is { } then)
        {
            var before = bench.Host.Desired.Fingerprint;
            bench.Desire(then);
            await bench.UntilAsync(() => bench.Host.Desired.Fingerprint != before);
            await bench.QuietAsync();
        }

        Matches(
            name,
            PlanCommand.Look(null, bench.StateDirectory, node.Machine, TimeProvider.System),
            it.Device ?? bench.Host.Allocator.Catalog.Units.Keys.First(),
            bench.StateDirectory
        );
    }

    private static void Matches(string name, PlanCommand.HostLook look, string device, string directory)
    {
        var (input, standing, _) = look;
        var way = Foresight.Of(input);
        var id = LentText.Find(device, input.Inventory) ?? DeviceId.Parse(device);
        var words = ExplainText.Render(Explanation.Of(input, id), standing, []);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"plan ends with {PlanCommand.ExitCode(way.Verdict)}\n");
        text.Append(PlanText.Render(way));
        text.Append(CultureInfo.InvariantCulture, $"\nexplain {device}\n").Append(words ?? "(no such device)\n");
        text.Replace(directory, "DIRECTORY");
        // What has no name is known as long as it is there: by another ID in each run.
        foreach (var nameless in input.Inventory.ScsiDevices.Where(d => d.Name is null))
            text.Replace(nameless.Id.ToString(), "scsi-of-this-boot");
        Golden.Matches(Path.Combine("situations", $"{name}.txt"), text.ToString());
    }
}
