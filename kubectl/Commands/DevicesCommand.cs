using System.Collections.Immutable;
using System.CommandLine;
using Hostdev.Crds;
using Hostdev.Kubectl.Answers;
using Hostdev.Kubectl.Printing;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev devices</c>: every device of every node, and who has it.</summary>
internal static class DevicesCommand
{
    public static Command Create(ClusterOptions cluster)
    {
        var (node, output) = (cluster.Node(), ClusterOptions.Output());
        var classes = new Option<string>("--class")
        {
            Description = "Only devices of these classes, comma-separated: pci, usb, scsi, mdev.",
        };
        classes.CompletionSources.Add("pci", "usb", "scsi", "mdev");
        classes.Validators.Add(result =>
        {
            foreach (var word in Words(result.GetValueOrDefault<string>()).Where(w => DeviceClasses.Parse(w) is null))
                result.AddError($"--class names \"{word}\": write any of pci, usb, scsi, mdev, separated by commas");
        });
        var resource = cluster.Resource();
        var command = new Command("devices", "List the devices of all nodes, and which pod and VM has each.")
        {
            node,
            classes,
            resource,
            output,
        };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var wanted = Words(parsed.GetValue(classes));
                var name = parsed.GetValue(resource);
                var printer = new ListPrinter<DeviceRow>(
                    parsed.InvocationConfiguration.Output,
                    ClusterOptions.Form(parsed, output),
                    Listings.Devices(TimeProvider.System.GetUtcNow())
                );
                await foreach (var page in reader.NodesAsync(parsed.GetValue(node), cancellationToken).ConfigureAwait(false))
                {
                    var rows = page.SelectMany(n => NodeDevices.Of(n))
                        .Where(d => (wanted.IsEmpty || wanted.Contains(d.Class)) && (name is null || d.Resource == name))
                        .ToImmutableArray();
                    printer.Write(await reader.WithPodsAsync(rows, cancellationToken).ConfigureAwait(false));
                }

                printer.End();
                if (printer.Count == 0)
                    reader.Note("no device is reported that was asked for");
                return 0;
            }
        );
        return command;
    }

    /// <summary>In lower case; none for no text.</summary>
    private static ImmutableArray<string> Words(string? text) =>
        [
            .. (text ?? "")
                .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(w => w.ToLowerInvariant()),
        ];
}
