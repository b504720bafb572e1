using System.Collections.Immutable;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>Reads what <see cref="NetworkState"/> holds. All or nothing: a table that cannot be read would make interfaces look free that are not.</summary>
internal sealed class NetworkStateReader(NetlinkRequests requests, NamespaceNames namespaceNames)
{
    private static readonly ImmutableArray<byte> Families = [RouteMessages.Inet, RouteMessages.Inet6];

    private string? _complaint;

    public NetworkReading Read()
    {
        var rules = Families.SelectMany(f => Dump("policy rules", RouteMessages.GetRule, RouteMessages.Body(RouteMessages.RuleBytes, f), (NetlinkMessage m, out RuleMessage? r) => RouteMessages.Rule(m, f, out r))).ToList();
        var addresses = Families.SelectMany(f => Dump("addresses", RouteMessages.GetAddress, RouteMessages.Body(RouteMessages.AddressBytes, f), (NetlinkMessage m, out AddressMessage? a) => RouteMessages.Address(m, f, out a))).ToList();
        var routes = Families.SelectMany(f => Dump("routes", RouteMessages.GetRoute, RouteMessages.Body(RouteMessages.RouteBytes, f), (NetlinkMessage m, out RouteMessage? r) => RouteMessages.Route(m, f, out r))).ToList();
        // What is named comes after what names it: a next hop that a route names, an interface that an address names, is then found, or gone together with it.
        var nextHops = Dump<NextHopMessage>("next hops", RouteMessages.GetNextHop, RouteMessages.Body(RouteMessages.NextHopBytes), RouteMessages.NextHop).DistinctBy(n => n.Id).ToDictionary(n => n.Id);
        var links = Dump<LinkMessage>("interfaces", RouteMessages.GetLink, RouteMessages.Body(RouteMessages.LinkBytes), RouteMessages.Link);
        var names = links.DistinctBy(l => l.Index).ToDictionary(l => l.Index, l => l.Name);
        var elsewhere = ReadElsewhere(names);
        if (_complaint is not null) return new NetworkReading.Failed(_complaint);
        return new NetworkReading.Read(new NetworkState
        {
            Links = [.. links.Select(l => new NetworkLink(l.Name, l.Kind, NameOf(l.Master), l.LowerNamespace is null && l.Lower != l.Index ? NameOf(l.Lower) : null)).OrderBy(l => l.Name, StringComparer.Ordinal)],
            Addresses = [.. addresses.Where(a => names.ContainsKey(a.Interface)).Select(a => new InterfaceAddress(names[a.Interface], a.Address, a.LinkLocal))],
            Routes = [.. routes.SelectMany(r => InterfacesOf(r, nextHops).Where(names.ContainsKey), (r, i) => new InterfaceRoute(names[i], r.Destination, r.Table, r.ByKernel, r.LinkLocal))],
            Rules = [.. rules.SelectMany(Named)],
            Elsewhere = elsewhere,
        });

        string? NameOf(int? index) => index is { } number ? names.GetValueOrDefault(number) : null;
    }

    /// <summary>
    /// Looks into every network namespace that has an id in ours, which the kernel gives as soon as an interface is moved there or connected with ours (<c>net/core/net_namespace.c:
    /// peernet2id_alloc</c>): sysfs shows neither an interface that was moved away nor a macvlan of a container on one of ours (seen on 6.12).
    /// </summary>
    private ImmutableArray<LinkElsewhere> ReadElsewhere(Dictionary<int, string> ours)
    {
        var result = ImmutableArray.CreateBuilder<LinkElsewhere>();
        var ids = Dump("network namespaces", RouteMessages.GetNamespaceId, RouteMessages.Body(RouteMessages.NamespaceIdBytes), (NetlinkMessage m, out int? id) => RouteMessages.NamespaceId(m, out id));
        foreach (var id in ids.OfType<int>().Distinct())
        {
            var body = RouteMessages.Body(RouteMessages.LinkBytes, attribute: (RouteMessages.TargetNamespaceAttribute, id));
            // A kernel that does not know the attribute (before 4.15) answers with our own interfaces, and without it.
            var links = Dump<LinkMessage>("the interfaces of another network namespace", RouteMessages.GetLink, body, RouteMessages.Link).Where(l => l.AskedNamespace == id).ToList();
            foreach (var link in links)
            {
                // Every container's veth is connected with ours and uses no hardware.
                var lower = link is { LowerNamespace: { } space, Lower: { } index, Kind: not "veth" } && space == namespaceNames.OwnId ? ours.GetValueOrDefault(index) : null;
                if (link.Parent is not null || lower is not null) result.Add(new LinkElsewhere(link.Name, link.Kind, link.Parent, lower, namespaceNames.Of(id)));
            }
        }

        return result.ToImmutable();
    }

    private static IEnumerable<int> InterfacesOf(RouteMessage route, Dictionary<int, NextHopMessage> nextHops)
    {
        if (route.NextHop is not { } id || !nextHops.TryGetValue(id, out var nextHop)) return route.Interfaces.Distinct();
        // A group has no groups in it (kernel net/ipv4/nexthop.c: valid_group_nh).
        return route.Interfaces.Concat(nextHop.Group.Append(id).Select(m => nextHops.GetValueOrDefault(m)?.Interface).OfType<int>()).Distinct();
    }

    private static IEnumerable<InterfaceRule> Named(RuleMessage rule)
    {
        if (rule.Incoming is { } incoming) yield return new InterfaceRule(incoming, rule.Priority, true);
        if (rule.Outgoing is { } outgoing) yield return new InterfaceRule(outgoing, rule.Priority, false);
    }

    /// <summary>One table. What is wrong with it is kept as <see cref="_complaint"/>; nothing more is asked then.</summary>
    private List<T> Dump<T>(string what, ushort type, byte[] body, Decoder<T> decode)
    {
        if (_complaint is not null) return [];
        var answer = requests.Dump(type, body);
        if (IsAbsent(type, body, answer.Error)) return [];
        if (answer.Complaint is { } complaint) return Fail<T>(what, complaint);
        var result = new List<T>(answer.Messages.Length);
        foreach (var message in answer.Messages)
        {
            if (!decode(message, out var value)) return Fail<T>(what, NetlinkRequests.Malformed.Complaint!);
            if (value is not null) result.Add(value);
        }

        return result;
    }

    /// <summary>What the kernel is built without holds nothing: policy rules, next hop objects, namespaces. A namespace may have ended since its id was read.</summary>
    private static bool IsAbsent(ushort type, byte[] body, Errno error) =>
        type is RouteMessages.GetRule or RouteMessages.GetNextHop or RouteMessages.GetNamespaceId ? error == Errno.EOPNOTSUPP || error == Errno.EAFNOSUPPORT
        : type == RouteMessages.GetLink && body.Length > RouteMessages.LinkBytes && error == Errno.EINVAL;

    private List<T> Fail<T>(string what, string complaint)
    {
        _complaint = $"asking the kernel for {what} {complaint}";
        return [];
    }

    private delegate bool Decoder<T>(NetlinkMessage message, out T? value);
}
