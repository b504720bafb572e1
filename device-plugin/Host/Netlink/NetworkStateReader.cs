using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>
/// Reads what <see cref="NetworkState"/> holds. All or nothing: a table that cannot be read would make interfaces look free that are not.
/// </summary>
/// <param name="own">A line to the kernel in the host's network namespace.</param>
/// <param name="others">The other namespaces of the host.</param>
internal sealed class NetworkStateReader(NetlinkRequests own, IReadOnlyList<ForeignNamespace> others)
{
    private static readonly ImmutableArray<byte> Families = [RouteMessages.Inet, RouteMessages.Inet6];

    private string? _complaint;

    public NetworkReading Read()
    {
        var rules = Families
            .SelectMany(f =>
                Dump(
                    own,
                    "policy rules",
                    RouteMessages.GetRule,
                    RouteMessages.Body(RouteMessages.RuleBytes, f),
                    (NetlinkMessage m, out RuleMessage? r) => RouteMessages.Rule(m, f, out r)
                )
            )
            .ToList();
        var addresses = Families
            .SelectMany(f =>
                Dump(
                    own,
                    "addresses",
                    RouteMessages.GetAddress,
                    RouteMessages.Body(RouteMessages.AddressBytes, f),
                    (NetlinkMessage m, out AddressMessage? a) => RouteMessages.Address(m, f, out a)
                )
            )
            .ToList();
        var routes = Families
            .SelectMany(f =>
                Dump(
                    own,
                    "routes",
                    RouteMessages.GetRoute,
                    RouteMessages.Body(RouteMessages.RouteBytes, f),
                    (NetlinkMessage m, out RouteMessage? r) => RouteMessages.Route(m, f, out r)
                )
            )
            .ToList();
        // What is named comes after what names it: a next hop that a route names, an interface that an address names, is then found, or
        // gone together with it.
        var nextHops = Dump<NextHopMessage>(
                own,
                "next hops",
                RouteMessages.GetNextHop,
                RouteMessages.Body(RouteMessages.NextHopBytes),
                RouteMessages.NextHop
            )
            .DistinctBy(n => n.Id)
            .ToDictionary(n => n.Id);
        var links = Dump<LinkMessage>(
                own,
                "interfaces",
                RouteMessages.GetLink,
                RouteMessages.Body(RouteMessages.LinkBytes),
                RouteMessages.Link
            )
            .DistinctBy(l => l.Index)
            .ToList();
        var names = links.ToDictionary(l => l.Index, l => l.Name);
        var elsewhere = ReadElsewhere(names);
        if (_complaint is not null)
            return new NetworkReading.Failed(_complaint);
        return new NetworkReading.Read(
            new NetworkState
            {
                Links =
                [
                    .. links
                        .Select(l => new NetworkLink(
                            l.Name,
                            l.Kind,
                            NameOf(l.Master),
                            l.LowerNamespace is null && l.Lower != l.Index ? NameOf(l.Lower) : null
                        )
                        {
                            AlternativeNames = l.AlternativeNames,
                        })
                        .OrderBy(l => l.Name, StringComparer.Ordinal),
                ],
                Addresses =
                [
                    .. addresses
                        .Where(a => names.ContainsKey(a.Interface))
                        .Select(a => new InterfaceAddress(names[a.Interface], a.Address, a.LinkLocal)),
                ],
                Routes =
                [
                    .. routes.SelectMany(
                        r => InterfacesOf(r, nextHops).Where(names.ContainsKey),
                        (r, i) => new InterfaceRoute(names[i], r.Destination, r.Table, r.ByKernel, r.LinkLocal)
                    ),
                ],
                Rules = [.. rules.SelectMany(Named)],
                Elsewhere = elsewhere,
            }
        );

        string? NameOf(int? index) => index is { } number ? names.GetValueOrDefault(number) : null;
    }

    /// <summary>
    /// What of other network namespaces hangs on the host: sysfs shows neither an interface that was moved away nor a macvlan of a
    /// container on one of ours (seen on 6.12).
    /// </summary>
    private ImmutableArray<LinkElsewhere> ReadElsewhere(Dictionary<int, string> ours)
    {
        var result = ImmutableArray.CreateBuilder<LinkElsewhere>();
        foreach (var space in others)
        {
            var there = new NetlinkRequests(space.Socket);
            var links = Dump<LinkMessage>(
                there,
                $"the interfaces of the network namespace {space.Words}",
                RouteMessages.GetLink,
                RouteMessages.Body(RouteMessages.LinkBytes),
                RouteMessages.Link
            );
            // Every container's veth is connected with ours and uses no hardware.
            var connected = links.Where(l => l is { LowerNamespace: not null, Kind: not "veth" }).ToHashSet();
            var ourId = connected.Count == 0 ? null : OurIdIn(there, space);
            foreach (var link in links)
            {
                var lower =
                    connected.Contains(link) && link.LowerNamespace == ourId && link.Lower is { } index
                        ? ours.GetValueOrDefault(index)
                        : null;
                if (link.Parent is not null || lower is not null)
                    result.Add(new LinkElsewhere(link.Name, link.Kind, link.Parent, lower, space.Words));
            }
        }

        return result.ToImmutable();
    }

    /// <summary>
    /// By which number a namespace knows ours; it has one as soon as an interface there is stacked on one here
    /// (<c>net/core/net_namespace.c: peernet2id_alloc</c>).
    /// </summary>
    private int? OurIdIn(NetlinkRequests there, ForeignNamespace space)
    {
        var answer = there.Get(
            RouteMessages.GetNamespaceId,
            RouteMessages.Body(RouteMessages.NamespaceIdBytes, attribute: (RouteMessages.NamespaceFd, space.OurDescriptor))
        );
        if (answer.Complaint is null && answer.Messages is [var message] && RouteMessages.NamespaceId(message, out var id))
            return id;
        Fail<int>($"our number in the network namespace {space.Words}", answer.Complaint ?? NetlinkRequests.Malformed.Complaint!);
        return null;
    }

    private static IEnumerable<int> InterfacesOf(RouteMessage route, Dictionary<int, NextHopMessage> nextHops)
    {
        if (route.NextHop is not { } id || !nextHops.TryGetValue(id, out var nextHop))
            return route.Interfaces.Distinct();
        // A group has no groups in it (kernel net/ipv4/nexthop.c: valid_group_nh).
        return route
            .Interfaces.Concat(nextHop.Group.Append(id).Select(m => nextHops.GetValueOrDefault(m)?.Interface).OfType<int>())
            .Distinct();
    }

    private static IEnumerable<InterfaceRule> Named(RuleMessage rule)
    {
        if (rule.Incoming is { } incoming)
            yield return new InterfaceRule(incoming, rule.Priority, true);
        if (rule.Outgoing is { } outgoing)
            yield return new InterfaceRule(outgoing, rule.Priority, false);
    }

    /// <summary>One table. What is wrong with it is kept as <see cref="_complaint"/>; nothing more is asked then.</summary>
    private List<T> Dump<T>(NetlinkRequests requests, string what, ushort type, byte[] body, Decoder<T> decode)
    {
        if (_complaint is not null)
            return [];
        var answer = requests.Dump(type, body);
        // What the kernel is built without holds nothing.
        if (
            type is RouteMessages.GetRule or RouteMessages.GetNextHop
            && (answer.Error == Errno.EOPNOTSUPP || answer.Error == Errno.EAFNOSUPPORT)
        )
            return [];
        if (answer.Complaint is { } complaint)
            return Fail<T>(what, complaint);
        var result = new List<T>(answer.Messages.Length);
        foreach (var message in answer.Messages)
        {
            if (!decode(message, out var value))
                return Fail<T>(what, NetlinkRequests.Malformed.Complaint!);
            if (value is not null)
                result.Add(value);
        }

        return result;
    }

    private List<T> Fail<T>(string what, string complaint)
    {
        _complaint = $"asking the kernel for {what} {complaint}";
        return [];
    }

    private delegate bool Decoder<T>(NetlinkMessage message, out T? value);
}
