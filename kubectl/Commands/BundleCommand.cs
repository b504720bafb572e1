using System.CommandLine;
using System.Globalization;
using Hostdev.Kubectl.Answers;

namespace Hostdev.Kubectl.Commands;

/// <summary><c>kubectl hostdev bundle</c>: what whoever is asked for help has to see, in one file, without secrets.</summary>
internal static class BundleCommand
{
    public static Command Create(ClusterOptions cluster)
    {
        var node = cluster.Node();
        var output = new Option<string>("--output", "-o")
        {
            Description = "The file to write (.tar.gz); by default one that is named after the time, in this directory.",
        };
        var command = new Command(
            "bundle",
            "Write a support bundle: our objects, Events and logs, the nodes and who asks for devices, without secrets. With --namespace "
                + "only what runs there is taken for operator and agents."
        )
        {
            node,
            output,
        };
        cluster.SetAction(
            command,
            async (parsed, reader, cancellationToken) =>
            {
                var now = TimeProvider.System.GetUtcNow();
                var folder = $"hostdev-bundle-{now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}";
                var path = parsed.GetValue(output) ?? $"{folder}.tar.gz";
                var (entries, missing) = await WriteAsync(
                        path,
                        async to =>
                        {
                            var file = new BundleFile(to, folder, now);
                            await using (file.ConfigureAwait(false))
                            {
                                await file.AddAsync("README.txt", Readme(parsed.GetValue(node)), cancellationToken).ConfigureAwait(false);
                                await new BundleReader(reader.Client, file, parsed.GetValue(node), parsed.GetValue(cluster.Namespace))
                                    .ReadAsync(Plugin, cancellationToken)
                                    .ConfigureAwait(false);
                                await file.AddMissingAsync(cancellationToken).ConfigureAwait(false);
                                return (file.Entries, file.Missing);
                            }
                        }
                    )
                    .ConfigureAwait(false);
                foreach (var lack in missing)
                    reader.Note($"left out: {lack}");
                var left = missing.Count == 0 ? "" : $"; {missing.Count} could not be read ({BundleFile.MissingName} says which)";
                await parsed
                    .InvocationConfiguration.Output.WriteLineAsync(
                        $"{path}: {entries} files{left}. " + "Look at it before you hand it on: README.txt says what was taken out"
                    )
                    .ConfigureAwait(false);
                return 0;
            }
        );
        return command;
    }

    private static string Plugin => typeof(BundleCommand).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>Only its owner may read it, and one that is there is not written over; what did not come to its end is not left.</summary>
    private static async Task<T> WriteAsync<T>(string path, Func<Stream, Task<T>> write)
    {
        if (File.Exists(path))
            throw new AnswerException($"{path} is there already: name another file with -o, or delete it");
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var stream = new FileStream(path, options);
        try
        {
            await using (stream.ConfigureAwait(false))
                return await write(stream).ConfigureAwait(false);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    private static string Readme(string? node) =>
        $"""
            A support bundle of Hostdev, written by kubectl hostdev bundle {Plugin}{(node is null ? "" : $" for node {node}")}.

            versions.json               the API server, the plugin, the images of operator and agents
            hostdev.io/                 all NodeDeviceStates and policies
            definitions/                their CRDs, as the cluster has them
            chart/                      Deployments, DaemonSets, ConfigMaps and Pods of operator and agents
            logs/                       of each of their containers the newest {BundleReader.LogLines} lines, at most
                                        {BundleReader.LogBytes >> 20} MiB; .previous is of the life before
            events/                     Events of operator and agents, and about our objects
            nodes/                      labels, capacity, allocatable, conditions, versions
            pods/                       pods that ask for our resources
            virtualmachineinstances/    KubeVirt's VMs with devices
            {BundleFile.MissingName}                 what could not be read, and why

            Taken out, with {Redaction.Mark} in its place where a field is left:

            {string.Join("\n", Redaction.Rules.Select(r => $"- {r}"))}

            """;
}
