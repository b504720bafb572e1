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
