using System.Text;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Xunit;

namespace Hostdev.Tests.Crds;

/// <summary>
/// Desired files with one mistake each, as people make them, and what an admin is told: <c>goldens/desired-mistakes.txt</c>.
/// </summary>
public sealed class DesiredFileMistakeTests
{
    private const string Gpus = "kind: HostDevice, name: gpus, spec: {resourceName: example.com/gpu, nodeSelector: {}, ";
    private const string Vfs = "kind: SriovPolicy, name: vfs, spec: {nodeSelector: {}, physicalFunctions: [{vendor: '8086'}], ";
    private const string Vgpus = "kind: MdevProfile, name: vgpus, spec: {resourceName: example.com/vgpu, nodeSelector: {}, ";

    private static readonly (string What, string Text)[] s_mistakes =
    [
        ("policies as a map by name", "policies:\n  gpus: {kind: HostDevice}\n"),
        ("the policies themselves at the top", "- {kind: HostDevice, name: gpus, spec: {}}\n"),
        ("metadata.name, as in a manifest", "policies: [{kind: HostDevice, metadata: {name: gpus}, spec: {}}]\n"),
        ("a kind in lower case", "policies: [{kind: hostdevice, name: gpus, spec: {}}]\n"),
        ("the fields without spec", "policies: [{kind: HostDevice, name: gpus, resourceName: example.com/gpu}]\n"),
        ("a field twice", "policies: []\npolicies: []\n"),
        ("a list that is not closed", "policies: [{kind: HostDevice, name: gpus, spec: {}\n"),
        ("a text that is not closed", "policies: [{kind: \"HostDevice, name: gpus, spec: {}}]\n"),
        ("nothing after the dash", "policies:\n-\n"),
        ("devices twice", Of(Gpus, "devices: {pci: {selectors: [{vendor: '10de'}]}, usb: {selectors: [{vendor: '10de'}]}}")),
        ("no devices", Of(Gpus, "devices: {}")),
        ("a selector of nothing", Of(Gpus, "devices: {pci: {selectors: [{}]}}")),
        ("one address in place of a list", Of(Gpus, "devices: {pci: {selectors: [{addresses: '0000:3b:00.0'}]}}")),
        ("a bus number as a USB port", Of(Gpus, "devices: {usb: {selectors: [{port: '1-4.2'}]}}")),
        ("a SCSI selector by sg name", Of(Gpus, "devices: {scsi: {selectors: [{address: sg2}]}}")),
        (
            "more in pools than there are",
            Of(Vfs, "numVfs: 2, pools: [{name: a, vfs: [{first: 0, last: 3}], resourceName: example.com/vf}]")
        ),
        (
            "a virtual function in two pools",
            Of(Vfs, "numVfs: 4, pools: [{name: a, vfs: [{first: 0, last: 1}]}, {name: b, vfs: [{first: 1, last: 3}]}]")
        ),
        ("a range as text", Of(Vfs, "numVfs: 4, pools: [{name: a, vfs: ['0-3'], resourceName: example.com/vf}]")),
        ("no number of virtual functions", Of(Vfs, "pools: [{name: a, vfs: [{first: 0, last: 3}], resourceName: example.com/vf}]")),
        (
            "a type by id and by name",
            Of(Vgpus, "typeId: nvidia-222, typeName: GRID T4-1B, parents: {names: [mtty]}, instances: {count: 2}")
        ),
        ("no number of mediated devices", Of(Vgpus, "typeId: nvidia-222, parents: {names: [mtty]}, instances: {}")),
        ("a file that nobody may write", Of(Vfs, "numVfs: 2, attributes: [{file: ../../../passwd, value: x}]")),
    ];

    [Fact]
    public void Each_mistake_is_told_with_its_place_and_what_to_write()
    {
        var told = new StringBuilder();
        foreach (var (what, text) in s_mistakes)
        {
            var sentence = Sentence(text);
            Assert.False(string.IsNullOrEmpty(sentence), $"{what} is taken: {text}");
            told.Append(what).Append('\n').Append(Indented(text)).Append("  => ").Append(sentence).Append("\n\n");
        }

        Golden.Matches("desired-mistakes.txt", told.ToString());
    }

    private static string Of(string head, string rest) => $"policies: [{{{head}{rest}}}}}]\n";

    /// <summary>What it is refused with, whole or one policy of it; null where it is taken.</summary>
    private static string? Sentence(string text) =>
        NodeDeviceStateReader.Read(text, out var error) is not { } spec
            ? error
            : spec.Policies.Select(p => PolicyReader.AsNew(p, inForce: null)).OfType<DesiredPolicy.Frozen>().FirstOrDefault()?.Message;

    private static string Indented(string text) => string.Concat(text.TrimEnd('\n').Split('\n').Select(l => $"    {l}\n"));
}
