using System.Collections.Immutable;
using System.CommandLine;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Inventory.Rendering;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>
/// <c>hostdev-device-plugin inventory</c>: reads the machine once and prints what is there. Changes nothing and needs no cluster.
/// </summary>
public static class InventoryCommand
{
    /// <param name="simulated">Looked at in place of this machine; all of it is seen.</param>
    public static Command Create(AgentMachine? simulated = null)
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
        var root = new Option<string>("--root")
        {
            Description = "Where the host's root is mounted. Who uses what is said of / alone: only its processes are this machine's.",
            DefaultValueFactory = _ => "/",
        };
        var state = new Option<string>("--state-dir")
        {
            Description = "Where the agent keeps its journal: what it offers and holds.",
            DefaultValueFactory = _ => AgentOptions.DefaultStateDirectory,
        };
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
            state,
        };
        command.SetAction(parsed =>
            Guard.Run(
                parsed.InvocationConfiguration.Error,
                () =>
                {
                    var chosen = ParseClasses(parsed.GetValue(classes)).Classes;
                    var form = ParseForm(parsed.GetValue(output)) ?? OutputForm.Table;
                    var (page, unknown) = Look(simulated, new HostPaths(parsed.GetValue(root)!), chosen, parsed.GetValue(state)!);
                    // Beside what is printed, which programs read.
                    foreach (var missing in page.Inventory.MissingFiles.Select(m => m.ToString()).Concat(unknown))
                        parsed.InvocationConfiguration.Error.WriteLine($"hostdev-device-plugin: {missing}");
                    parsed.InvocationConfiguration.Output.Write(Render(page with { Width = TerminalWidth }, form));
                    return 0;
                }
            )
        );
        return command;
    }

    public static string Render(InventoryPage page, OutputForm form) =>
        form switch
        {
            OutputForm.Tree => InventoryTree.Render(page),
            OutputForm.Json => InventoryDocument.Of(page).ToJson(),
            OutputForm.Yaml => JsonToYaml.Convert(InventoryDocument.Of(page).ToJson()),
            _ => InventoryTable.Render(page),
        };

    /// <summary>Of the terminal that shows the output; endless where none does, so that nothing that is searched for is cut off.</summary>
    private static int TerminalWidth => Console.IsOutputRedirected || Console.WindowWidth <= 0 ? int.MaxValue : Console.WindowWidth;

    /// <returns>With why it is not said who uses what, where it is not.</returns>
    private static (InventoryPage Page, ImmutableArray<string> Unknown) Look(
        AgentMachine? simulated,
        HostPaths root,
        DeviceClasses classes,
        string stateDirectory
    )
    {
        var paths = simulated?.Paths ?? root;
        var inventory = new InventoryReader(paths, TimeProvider.System).Read();
        var page = new InventoryPage(inventory, classes) { Details = new ChildDetailsReader(paths).Read(inventory) };
        if (simulated is null && paths.Root != "/")
            return (page, []);
        var missing = simulated is null ? HostAccess.Missing(paths) : [];
        if (!missing.IsEmpty)
            return (page, [$"who uses what is not shown: {string.Join("; ", missing)}"]);
        try
        {
            var look = PlanCommand.LookAround(stateDirectory, simulated ?? PlanCommand.Here, TimeProvider.System);
            var uses = DeviceUses.Of(look.Input.Inventory, look.Input.Usage, Planner.Plan(look.Input));
            return (page with { Uses = uses }, []);
        }
        catch (Exception e) when (e is FormatException or JournalException or IOException or UnauthorizedAccessException)
        {
            return (page, [$"who uses what is not shown: {e.Message}"]);
        }
    }

    private static (DeviceClasses Classes, string? Error) ParseClasses(string? text)
    {
        var classes = DeviceClasses.None;
        foreach (var word in (text ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            var one = word.ToLowerInvariant() switch
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
        text?.ToLowerInvariant() switch
        {
            "table" => OutputForm.Table,
            "tree" => OutputForm.Tree,
            "json" => OutputForm.Json,
            "yaml" => OutputForm.Yaml,
            _ => null,
        };
}
