using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host;

/// <summary>
/// Alternative names of network interfaces, which only rtnetlink tells: sysfs has none of them (kernel <c>net/core/rtnetlink.c:
/// rtnl_fill_prop_list</c>).
/// </summary>
public sealed class InterfaceNames(IHostCalls calls)
{
    /// <summary>
    /// By name; those without one are left out. Empty when the kernel did not answer: then they are not known by these names, and what is
    /// in force by one stays.
    /// </summary>
    public ImmutableDictionary<string, ImmutableArray<string>> Read() =>
        calls.ReadNetwork() is NetworkReading.Read { State.Links: var links }
            ? links
                .Where(l => !l.AlternativeNames.IsDefaultOrEmpty)
                .ToImmutableDictionary(l => l.Name, l => l.AlternativeNames, StringComparer.Ordinal)
            : ImmutableDictionary<string, ImmutableArray<string>>.Empty;
}
