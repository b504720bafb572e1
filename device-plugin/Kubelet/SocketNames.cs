using System.Security.Cryptography;
using System.Text;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// The file name of a resource's socket: the same for the same resource, on every start. Begins with <c>hostdev-</c>, since KubeVirt
/// removes what begins with <c>kubevirt-</c>; the whole path has 107 bytes at most (contracts/kubevirt.md, 13).
/// </summary>
public static class SocketNames
{
    private const string Prefix = "hostdev-";
    private const string Suffix = ".sock";
    private const string KubeVirt = "kubevirt-";

    /// <summary>Whether a socket in the kubelet's directory is one of ours.</summary>
    public static bool IsOurs(string fileName) => fileName.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Whether a socket is named as those of KubeVirt's plugins are, and of Harvester's (docs/contracts/kubevirt.md).</summary>
    public static bool IsAsOfKubeVirt(string fileName) => fileName.StartsWith(KubeVirt, StringComparison.Ordinal);

    /// <summary>
    /// Whether another plugin's socket says by its name which resource it serves: <c>domain-name.sock</c> and <c>domain_name.sock</c> (the
    /// SR-IOV network device plugin, pkg/resources/server.go), <c>kubevirt-domain-name.sock</c>, and <c>kubevirt-name.sock</c> for what
    /// KubeVirt itself brings (pkg/virt-handler/device-manager, SocketPath).
    /// </summary>
    public static bool Says(string fileName, string resource)
    {
        if (!fileName.EndsWith(Suffix, StringComparison.Ordinal))
            return false;
        var stem = fileName[..^Suffix.Length];
        var whole = IsAsOfKubeVirt(stem) ? stem[KubeVirt.Length..] : stem;
        return whole == resource.Replace('/', '-')
            || whole == resource.Replace('/', '_')
            || (IsAsOfKubeVirt(fileName) && resource == $"{ResourceName.KubeVirtDomain}/{whole}");
    }

    /// <summary>
    /// <c>hostdev-domain_name.sock</c>, or a hash of the resource name where the path would be too long for the directory.
    /// </summary>
    public static string For(ResourceName resource, string directory)
    {
        // a domain holds no underscore, so no two resources share a name
        var readable = $"{Prefix}{resource.Value.Replace('/', '_')}{Suffix}";
        if (Encoding.UTF8.GetByteCount(Path.Combine(directory, readable)) <= GrpcSocketServer.MaxSocketPathBytes)
            return readable;
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(resource.Value));
        return $"{Prefix}{Convert.ToHexStringLower(hash.AsSpan(0, 12))}{Suffix}";
    }
}
