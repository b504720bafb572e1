using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.Cluster;
using Xunit;

namespace Hostdev.Tests.Shipped;

/// <summary>
/// The operator in nothing but the file system of its image, as root: what a program needs beside itself (libc, libssl, roots of trust) is
/// there or is missed here.
/// </summary>
[Trait(ShippedPrograms.Needs, ShippedPrograms.Published)]
public sealed class ImageTests
{
    /// <summary>What every container has beside its image.</summary>
    private const string Enter = """
        mkdir -p "$0/dev" "$0/proc" && mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc" && exec chroot "$0" "$@"
        """;

    [Fact]
    public async Task The_operator_speaks_TLS_from_nothing_but_its_image()
    {
        var root = Directory.CreateTempSubdirectory("hd-image-").FullName;
        await UnpackAsync("hostdev-operator", root);
        await using var cluster = await SandboxCluster.StartAsync(SandboxDirectory.Create());
        cluster.Server.Objects.Create(OperatorProgramTests.Policy("gpu"));
        File.Copy(cluster.Kubeconfig, Path.Combine(root, "kubeconfig"));

        await using var program = ProgramRun.Start(
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            Enter,
            root,
            "/hostdev-operator",
            "kubevirt-snippet",
            "--kubeconfig",
            "/kubeconfig"
        );
        var (exitCode, said) = await program.EndAsync();
        // It has listed the policies: the sentence is an answer to what the server said.
        Assert.Contains("no policy has found a device yet: kubectl get hostdev shows why", said, StringComparison.Ordinal);
        Assert.Equal(1, exitCode);
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task The_agents_image_has_the_names_of_devices()
    {
        var root = Directory.CreateTempSubdirectory("hd-image-").FullName;
        await UnpackAsync("hostdev-device-plugin", root);
        var names = await File.ReadAllTextAsync(Path.Combine(root, "usr/share/misc/pci.ids"), TestContext.Current.CancellationToken);
        Assert.Contains("10de  NVIDIA Corporation", names, StringComparison.Ordinal);
        Directory.Delete(root, recursive: true);
    }

    /// <summary>Lays the layers of the archive over each other, as an engine does.</summary>
    private static async Task UnpackAsync(string image, string root)
    {
        var architecture = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64";
        var archive = Assert.Single(Directory.GetFiles(ShippedPrograms.PublishedDirectory, $"{image}-*-linux-{architecture}.oci.tar"));
        var blobs = Directory.CreateTempSubdirectory("hd-blobs-").FullName;
        await TarFile.ExtractToDirectoryAsync(archive, blobs, overwriteFiles: false, TestContext.Current.CancellationToken);
        var index = await ReadAsync(blobs, "index.json");
        var manifest = await ReadAsync(blobs, Blob(index["manifests"]![0]!));
        foreach (var layer in manifest["layers"]!.AsArray())
        {
            await using var file = new GZipStream(File.OpenRead(Path.Combine(blobs, Blob(layer!))), CompressionMode.Decompress);
            using var reader = new TarReader(file);
            while (await reader.GetNextEntryAsync(copyData: false, TestContext.Current.CancellationToken) is { } entry)
                Lay(entry, root);
        }

        Directory.Delete(blobs, recursive: true);
    }

    /// <summary>
    /// By hand: links of an image are absolute and lead to files of the image, which .NET's extraction refuses as a way out of the
    /// directory.
    /// </summary>
    private static void Lay(TarEntry entry, string root)
    {
        var path = Path.Combine(root, entry.Name.TrimStart('.').TrimStart('/'));
        switch (entry.EntryType)
        {
            case TarEntryType.Directory:
                Directory.CreateDirectory(path);
                break;
            case TarEntryType.SymbolicLink:
                File.CreateSymbolicLink(path, entry.LinkName);
                break;
            default:
                entry.ExtractToFile(path, overwrite: true);
                break;
        }
    }

    private static string Blob(JsonNode descriptor) => $"blobs/{descriptor["digest"]!.GetValue<string>().Replace(':', '/')}";

    private static async Task<JsonNode> ReadAsync(string directory, string file) =>
        JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(directory, file), TestContext.Current.CancellationToken))!;
}
