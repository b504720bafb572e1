using System.Collections.Immutable;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning;

namespace Hostdev.DevicePlugin.Host.Usage;

/// <summary>Whether the host needs a network interface: an address on it or above it, anything above it at all, or it lives in another network namespace.</summary>
internal sealed class NetworkUsage(HostPaths paths, ImmutableArray<InterfaceAddress> addresses)
{
    public IEnumerable<DeviceUser> UsersOf(PciFunction function)
    {
        foreach (var name in function.Children.Where(c => c.Kind == ChildKind.NetworkInterface).Select(c => c.Name))
        {
            foreach (var address in addresses.Where(a => a.Interface == name && !a.LinkLocal))
            {
                yield return new DeviceUser(UserKind.NetworkAddress, $"{name} has the address {address.Address}");
            }

            foreach (var upper in Uppers(name)) yield return new DeviceUser(UserKind.NetworkUpper, $"{name} is part of {upper}");
        }

        if (function is { NetworkInterfaceElsewhere: true, Driver: not null }) yield return new DeviceUser(UserKind.NetworkNamespace, "its network interface is in another network namespace");
    }

    private IEnumerable<string> Uppers(string name)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(paths.Resolve($"/sys/class/net/{name}"), "upper_*").Select(p => Path.GetFileName(p)["upper_".Length..]).Order(StringComparer.Ordinal)];
        }
        catch (IOException)
        {
            return [];
        }
    }
}
