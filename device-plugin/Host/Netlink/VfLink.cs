using System.Globalization;

namespace Hostdev.DevicePlugin.Host.Netlink;

/// <summary>
/// A physical function's network interface, in whatever network namespace of the host it is: there alone the kernel takes settings for
/// its virtual functions.
/// </summary>
internal sealed class VfLink(HostPaths paths)
{
    private readonly HostFileReader _files = new(paths);

    /// <inheritdoc cref="IHostCalls.ReadVfs"/>
    public VfReading Read(string address)
    {
        var answer = VfReading.Failed(Errno.ENODEV);
        var error = Find(
            address,
            (_, _, reading) =>
            {
                answer = reading;
                return Errno.None;
            }
        );
        return error.IsSuccess || error == Errno.ENODEV ? answer : VfReading.Failed(error);
    }

    /// <inheritdoc cref="IHostCalls.SetVf"/>
    public Errno Set(string address, string setting, string value) =>
        Find(
            address,
            (requests, index, _) =>
                VfMessages.Set(index, setting, value) is { } body ? requests.Do(VfMessages.SetLink, body).Error : Errno.EINVAL
        );

    /// <summary>
    /// Goes to its interface: of several, a representor among them, the first that knows of virtual functions, else the first. ENODEV
    /// where there is none.
    /// </summary>
    private Errno Find(string address, Func<NetlinkRequests, int, VfReading, Errno> found)
    {
        using var socket = NetlinkSocket.TryOpen(out var error);
        if (socket is null)
            return error;
        var own = new NetlinkRequests(socket);
        if (IndexesIn(own, address, out error) is { Count: > 0 } here)
            return At(own, here, found);
        var byFile = IndexesInSysfs(address);
        if (byFile.Count > 0)
            return At(own, byFile, found);
        if (!error.IsSuccess)
            return error;
        using var others = NetworkNamespaces.Open(paths);
        foreach (var space in others.All)
        {
            var there = new NetlinkRequests(space.Socket);
            if (IndexesIn(there, address, out _) is { Count: > 0 } indexes)
                return At(there, indexes, found);
        }

        return Errno.ENODEV;
    }

    private static Errno At(NetlinkRequests requests, List<int> indexes, Func<NetlinkRequests, int, VfReading, Errno> found)
    {
        (int Index, VfReading Reading)? first = null;
        foreach (var index in indexes.Order())
        {
            var reading = ReadOne(requests, index);
            if (!reading.Settings.IsEmpty)
                return found(requests, index, reading);
            first ??= (index, reading);
        }

        return found(requests, first!.Value.Index, first.Value.Reading);
    }

    private static VfReading ReadOne(NetlinkRequests requests, int index)
    {
        var answer = requests.Get(RouteMessages.GetLink, VfMessages.Ask(index));
        if (answer.Error == Errno.EMSGSIZE)
            answer = requests.Get(RouteMessages.GetLink, VfMessages.Ask(index));
        return answer.Complaint is not null ? VfReading.Failed(answer.Error)
            : answer.Messages is [var message] && VfMessages.Read(message) is { } settings ? new VfReading(Errno.None, settings)
            : VfReading.Failed(Errno.EIO);
    }

    private static List<int> IndexesIn(NetlinkRequests requests, string address, out Errno error)
    {
        var answer = requests.Dump(RouteMessages.GetLink, RouteMessages.Body(RouteMessages.LinkBytes));
        error = answer.Error;
        var parent = $"pci/{address}";
        return
        [
            .. answer
                .Messages.Select(m => RouteMessages.Link(m, out var link) ? link : null)
                .Where(l => l?.Parent == parent)
                .Select(l => l!.Index),
        ];
    }

    /// <summary>Kernels before 5.14 do not say of which device an interface is.</summary>
    private List<int> IndexesInSysfs(string address)
    {
        var directory = $"/sys/bus/pci/devices/{address}/net";
        return
        [
            .. _files
                .List(directory)
                .Select(n => _files.ReadText($"{directory}/{n}/ifindex").Text)
                .Select(t => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : 0)
                .Where(i => i > 0),
        ];
    }
}
