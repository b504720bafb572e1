using System.Collections.Immutable;
using System.Text.Json;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Commands;
using Hostdev.DevicePlugin.Inventory.Rendering;
using Hostdev.Planning.Inventory;
using Xunit;
using YamlDotNet.RepresentationModel;
using DeviceClasses = Hostdev.DevicePlugin.Inventory.Rendering.DeviceClasses;

namespace Hostdev.Tests.Inventory;

public sealed class InventoryRenderingTests
{
    [Theory]
    [InlineData("x86-server", OutputForm.Table)]
    [InlineData("x86-server", OutputForm.Tree)]
    [InlineData("x86-server", OutputForm.Json)]
    [InlineData("x86-server", OutputForm.Yaml)]
    [InlineData("power", OutputForm.Table)]
    [InlineData("power", OutputForm.Tree)]
    [InlineData("arm", OutputForm.Table)]
    [InlineData("arm", OutputForm.Tree)]
    public void Prints(string machineName, OutputForm form)
    {
        using var machine = MachineFixture.Load(machineName);
        var text = Render(machine.Read(), DeviceClasses.All, form);
        if (form is OutputForm.Table or OutputForm.Tree)
            Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 120, line));
        Golden.Matches($"inventory-{machineName}.{form.ToString().ToLowerInvariant()}", text);
    }

    [Theory]
    [InlineData(OutputForm.Table)]
    [InlineData(OutputForm.Tree)]
    public void Says_at_the_end_what_could_not_be_read(OutputForm form)
    {
        using var machine = MachineFixture.Load("arm");
        machine.Change(
            "[/sys/devices/platform/NVDA300C:00/pci0005:00/0005:00:00.0]\nvendor =\ndevice = 123456789-123456789-123456789-123456789-"
        );
        Assert.EndsWith(
            """

            2 attributes could not be read:
              /sys/devices/platform/NVDA300C:00/pci0005:00/0005:00:00.0/device
                is no hexadecimal number: "123456789-123456789-123456789-123456789-"
              /sys/devices/platform/NVDA300C:00/pci0005:00/0005:00:00.0/vendor is empty

            """,
            Render(machine.Read(), DeviceClasses.All, form),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(OutputForm.Table)]
    [InlineData(OutputForm.Tree)]
    public void What_a_device_calls_itself_makes_no_line_of_its_own(OutputForm form)
    {
        using var machine = MachineFixture.Load("x86-server");
        var usb = new UsbDevice
        {
            Port = UsbPort.Parse("0000:00:14.0/4"),
            PortPath = "1-4",
            Vendor = PciId.Parse("046d"),
            Product = PciId.Parse("c52b"),
            BusNumber = 1,
            DeviceNumber = 2,
            IsHub = false,
            ProductName = "key\n  9-9 evil\u001b[2J",
        };
        var text = Render(machine.Read() with { UsbDevices = [usb] }, DeviceClasses.All, form);
        Assert.DoesNotContain('\u001b', text);
        Assert.DoesNotContain(text.Split('\n'), l => l.TrimStart().StartsWith("9-9", StringComparison.Ordinal));
    }

    [Fact]
    public void Prints_problems_and_only_the_asked_classes_in_json()
    {
        using var machine = MachineFixture.Load("arm");
        machine.Change("[/sys/devices/platform/NVDA300C:00/pci0005:00/0005:00:00.0]\nvendor =");
        using var json = JsonDocument.Parse(Render(machine.Read(), DeviceClasses.Usb, OutputForm.Json));
        Assert.Equal(["facts", "usbDevices", "problems"], json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal("is empty", json.RootElement.GetProperty("problems")[0].GetProperty("message").GetString());
    }

    [Fact]
    public void Says_the_same_in_yaml_as_in_json()
    {
        using var machine = MachineFixture.Load("x86-server");
        var inventory = machine.Read();
        using var json = JsonDocument.Parse(Render(inventory, DeviceClasses.All, OutputForm.Json));
        var yaml = new YamlStream();
        yaml.Load(new StringReader(Render(inventory, DeviceClasses.All, OutputForm.Yaml)));
        AssertSame(json.RootElement, yaml.Documents.Single().RootNode, "$");
    }

    [Fact]
    public void Asks_for_whole_tables_to_be_cut_at_the_width_of_the_page()
    {
        using var machine = MachineFixture.Load("arm");
        machine.Change($"[/sys/devices/platform/PNP0D10:00/usb1/1-1]\nproduct = {new string('x', 300)}");
        var line = Render(machine.Read(), DeviceClasses.Usb, OutputForm.Table)
            .Split('\n')
            .Single(l => l.Contains("xxx", StringComparison.Ordinal));
        Assert.Equal(120, line.Length);
        Assert.EndsWith("x…", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_cut_where_no_terminal_shows_it()
    {
        using var machine = MachineFixture.Load("arm");
        var name = new string('x', 300);
        machine.Change($"[/sys/devices/platform/PNP0D10:00/usb1/1-1]\nproduct = {name}");
        Assert.Contains(
            name,
            InventoryCommand.Render(new InventoryPage(machine.Read(), DeviceClasses.Usb), OutputForm.Table),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(OutputForm.Table, "USE")]
    [InlineData(OutputForm.Tree, "<host: nvme0n1p2 is mounted at />")]
    [InlineData(OutputForm.Json, "\"0000:02:00.0\": \"host: nvme0n1p2 is mounted at /\"")]
    public void Who_has_each_device_stands_beside_it(OutputForm form, string also)
    {
        using var machine = MachineFixture.Load("x86-server");
        var inventory = machine.Read();
        var disk = inventory.Functions.Values.First(f => f.Children.Any(c => c.Kind == ChildKind.Disk)).Address;
        var page = new InventoryPage(inventory, DeviceClasses.All)
        {
            Uses = ImmutableSortedDictionary<DeviceId, string>.Empty.Add(disk, "host: nvme0n1p2 is mounted at /"),
        };
        var text = InventoryCommand.Render(page, form);
        Assert.Contains(also.Replace("0000:02:00.0", disk.ToString(), StringComparison.Ordinal), text, StringComparison.Ordinal);
        Assert.Contains("host: nvme0n1p2 is mounted at /", text, StringComparison.Ordinal);
        Assert.DoesNotContain("USE", InventoryCommand.Render(page with { Uses = null }, OutputForm.Table), StringComparison.Ordinal);
    }

    [Fact]
    public void Interfaces_and_disks_say_what_tells_them_apart()
    {
        using var machine = MachineFixture.Load("x86-server");
        var inventory = new InventoryPage(machine.Read(), DeviceClasses.Pci);
        var name = inventory.Inventory.Functions.Values.SelectMany(f => f.Children).First(c => c.Kind == ChildKind.NetworkInterface).Name;
        var page = inventory with
        {
            Details = ImmutableSortedDictionary<string, ChildDetails>.Empty.Add(name, new ChildDetails(Mac: "00:15:17:00:00:20")),
        };
        Assert.Contains($"{name} (00:15:17:00:00:20)", InventoryCommand.Render(page, OutputForm.Table), StringComparison.Ordinal);
        Assert.Equal(
            "3.5 TiB SAMSUNG MZQL23T8 S64HNE0R",
            new ChildDetails(Bytes: 3_840_755_982_336, Model: "SAMSUNG MZQL23T8", Serial: "S64HNE0R").InWords
        );
    }

    [Fact]
    public void Words_are_taken_whatever_their_case() =>
        Assert.Empty(InventoryCommand.Create().Parse(["--class", "PCI,Usb", "-o", "JSON"]).Errors);

    [Theory]
    [InlineData("--class names \"foo\": write any of pci, usb, scsi, mdev, separated by commas", "--class", "pci,foo")]
    [InlineData("--class names \"\": write any of pci, usb, scsi, mdev, separated by commas", "--class", "")]
    [InlineData("--output is \"xml\": write table, tree, json or yaml", "--output", "xml")]
    [InlineData(
        "--root is \"/nowhere\", which has no directory sys: name the directory that the host's root is mounted on",
        "--root",
        "/nowhere"
    )]
    public void Refuses_what_it_does_not_know(string error, params string[] arguments) =>
        Assert.Equal([error], InventoryCommand.Create().Parse(arguments).Errors.Select(e => e.Message));

    [Fact]
    public void Runs_as_a_command()
    {
        using var machine = MachineFixture.Load("arm");
        using var output = new StringWriter();
        Assert.Equal(
            0,
            InventoryCommand
                .Create()
                .Parse(["--root", machine.Paths.Root, "--class", "pci, usb", "-o", "json"])
                .Invoke(new() { Output = output })
        );
        using var json = JsonDocument.Parse(output.ToString());
        Assert.Equal(4, json.RootElement.GetProperty("functions").GetArrayLength());
    }

    private static string Render(HostInventory inventory, DeviceClasses classes, OutputForm form) =>
        InventoryCommand.Render(new InventoryPage(inventory, classes) { Width = 120 }, form);

    private static void AssertSame(JsonElement json, YamlNode yaml, string path)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var mapping = Assert.IsType<YamlMappingNode>(yaml);
                Assert.Equal(json.EnumerateObject().Select(p => p.Name), mapping.Children.Keys.Select(k => ((YamlScalarNode)k).Value));
                foreach (var property in json.EnumerateObject())
                    AssertSame(property.Value, mapping.Children[new YamlScalarNode(property.Name)], $"{path}.{property.Name}");
                break;
            case JsonValueKind.Array:
                var sequence = Assert.IsType<YamlSequenceNode>(yaml);
                Assert.Equal(json.GetArrayLength(), sequence.Children.Count);
                for (var i = 0; i < sequence.Children.Count; i++)
                    AssertSame(json[i], sequence.Children[i], $"{path}[{i}]");
                break;
            default:
                Assert.True(
                    json.ToString()
                        .Equals(
                            ((YamlScalarNode)yaml).Value,
                            json.ValueKind is JsonValueKind.String ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase
                        ),
                    path
                );
                break;
        }
    }
}
