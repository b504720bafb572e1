using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Inventory;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Which network interfaces below a physical function are ports of its switch for others: drivers hang them below the physical function
/// itself, so that only their port's name tells (kernel <c>Documentation/networking/switchdev.rst</c>, <c>net/devlink/port.c:
/// __devlink_port_phys_port_name_get</c>).
/// </summary>
internal sealed class Representors(HostFileReader files, DeadlineReader blocking)
{
    private Dictionary<string, string?> _last = new(StringComparer.Ordinal); // what each name's port was called when that was answered last

    /// <summary>
    /// The names of those that are, and of subfunctions, which are devices of their own. Reading a port's name may wait for the lock of the
    /// whole network: what is not answered is what it was before, and chooses nothing where that is not known.
    /// </summary>
    public IReadOnlySet<string> Among(IEnumerable<PciFunction> functions, ChildIndex children)
    {
        var names = functions
            .Where(f => f.Sriov is not null)
            .SelectMany(f => children.Below(f.Address))
            .Where(c => c.Kind == ChildKind.NetworkInterface)
            .Select(c => c.Name)
            .ToList();
        var ports = names.Where(n => files.Exists(PortName(n))).ToList();
        var texts = blocking.ReadAll([.. ports.Select(n => new BlockingFile(PortName(n)))]);
        var last = new Dictionary<string, string?>(StringComparer.Ordinal);
        var among = names.Where(IsOfSubfunction).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, text) in ports.Zip(texts))
        {
            var isKnown = text.Error != Errno.ETIMEDOUT || _last.ContainsKey(name);
            if (isKnown)
                last[name] = text.Error == Errno.ETIMEDOUT ? _last[name] : text.Text;
            if (!isKnown || (last[name] is { } port && IsForAnother(port)))
                among.Add(name);
        }

        _last = last;
        return among;
    }

    /// <summary>
    /// It hangs below an auxiliary device, <c>mlx5_core.sf.4</c> (kernel <c>Documentation/networking/devlink/devlink-port.rst</c>).
    /// </summary>
    private bool IsOfSubfunction(string name) =>
        files.ResolveLink("/sys/class/net/" + name)?.Split('/').Any(p => p.Contains(".sf.", StringComparison.Ordinal)) == true;

    private static string PortName(string name) => $"/sys/class/net/{name}/phys_port_name";

    /// <summary>
    /// <c>pf0vf3</c>, <c>pf0sf88</c>, <c>c1pf0vf3</c>, and of a card with processors of its own <c>c1pf0</c> and <c>pf0hpf</c>. The card's
    /// own port is <c>p0</c> or <c>p0s1</c>. sfc puts its port first: <c>p0pf0vf1</c>.
    /// </summary>
    private static bool IsForAnother(string port)
    {
        var rest = port.AsSpan();
        var ofController = TrySkip(ref rest, "c");
        _ = TrySkip(ref rest, "p");
        if (!TrySkip(ref rest, "pf"))
            return false;
        return rest.IsEmpty ? ofController : rest is "hpf" || ((TrySkip(ref rest, "vf") || TrySkip(ref rest, "sf")) && rest.IsEmpty);
    }

    /// <summary>Skips a word with a number after it.</summary>
    private static bool TrySkip(ref ReadOnlySpan<char> text, string word)
    {
        if (!text.StartsWith(word))
            return false;
        var number = text[word.Length..];
        var end = number.IndexOfAnyExceptInRange('0', '9');
        if (end == 0 || number.IsEmpty)
            return false;
        text = end < 0 ? [] : number[end..];
        return true;
    }
}
