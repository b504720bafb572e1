using System.CommandLine;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Inventory.Rendering;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>
/// <c>hostdev-device-plugin inventory</c>: reads the machine once and prints what is there. Changes nothing and needs no cluster.
/// </summary>
public static class InventoryCommand
{
    public static Command Create()
    {
        var classes = new Option<string>("--class")
        {
            Description = "Classes of devices, comma-separated: pci, usb, scsi, mdev. Default: all.",
            DefaultValueFactory = _ => "pci,usb,scsi,mdev",
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "table, tree, json or yaml.",
            DefaultValueFactory = _ => "table",
        };
        var root = new Option<string>("--root") { Description = "Where the host's root is mounted.", DefaultValueFactory = _ => "/" };
        classes.Validators.Add(result =>
        {
            if (ParseClasses(result.GetValueOrDefault<string>()).Error is { } error)
                result.AddError(error);
        });
        output.Validators.Add(result =>
        {
            if (ParseForm(result.GetValueOrDefault<string>()) is null)
                result.AddError($"--output is \"{result.GetValueOrDefault<string>()}\": write table, tree, json or yaml");
        });
        root.Validators.Add(result =>
        {
            var directory = result.GetValueOrDefault<string>();
            if (!Directory.Exists(Path.Combine(directory ?? "", "sys")))
                result.AddError(
                    $"--root is \"{directory}\", which has no directory sys: name the directory that the host's root is mounted on"
                );
        });
        var command = new Command(
            "inventory",
            "List the host's PCI, USB, SCSI and mediated devices and what matters of each for passthrough."
        )
        {
            classes,
            output,
            root,
        };
        command.SetAction(parsed =>
        {
            var chosen = ParseClasses(parsed.GetValue(classes)).Classes;
            var form = ParseForm(parsed.GetValue(output)) ?? OutputForm.Table;
            var inventory = new InventoryReader(new HostPaths(parsed.GetValue(root)!), TimeProvider.System).Read();
            // Beside what is printed, which programs read.
            foreach (var missing in inventory.MissingFiles)
                parsed.InvocationConfiguration.Error.WriteLine($"hostdev-device-plugin: {missing}");
            parsed.InvocationConfiguration.Output.Write(Render(inventory, chosen, form));
            return 0;
        });
        return command;
    }

    public static string Render(HostInventory inventory, DeviceClasses classes, OutputForm form) =>
        form switch
        {
            OutputForm.Tree => InventoryTree.Render(inventory, classes),
            OutputForm.Json => InventoryDocument.Of(inventory, classes).ToJson(),
            OutputForm.Yaml => JsonToYaml.Convert(InventoryDocument.Of(inventory, classes).ToJson()),
            _ => InventoryTable.Render(inventory, classes),
        };

    private static (DeviceClasses Classes, string? Error) ParseClasses(string? text)
    {
        var classes = DeviceClasses.None;
        foreach (var word in (text ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            var one = word switch
            {
                "pci" => DeviceClasses.Pci,
                "usb" => DeviceClasses.Usb,
                "scsi" => DeviceClasses.Scsi,
                "mdev" => DeviceClasses.Mdev,
                _ => DeviceClasses.None,
            };
            if (one == DeviceClasses.None)
                return (classes, $"--class names \"{word}\": write any of pci, usb, scsi, mdev, separated by commas");
            classes |= one;
        }

        return (classes, null);
    }

    private static OutputForm? ParseForm(string? text) =>
        text switch
        {
            "table" => OutputForm.Table,
            "tree" => OutputForm.Tree,
            "json" => OutputForm.Json,
            "yaml" => OutputForm.Yaml,
            _ => null,
        };
}
