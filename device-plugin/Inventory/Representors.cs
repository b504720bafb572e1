using Hostdev.DevicePlugin.Host;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Which network interfaces below a physical function are ports of its switch for others: drivers hang them below the physical function
/// itself, so that only their port's name tells (kernel <c>Documentation/networking/switchdev.rst</c>, <c>net/devlink/port.c:
/// __devlink_port_phys_port_name_get</c>).
/// </summary>
internal sealed class Representors(HostFileReader files, DeadlineReader blocking)
{
    /// <summary>
    /// The names of those that are. Reading a port's name may wait for the lock of the whole network; what is not answered is taken for an
    /// ordinary interface, as it was before.
    /// </summary>
    public IReadOnlySet<string> Among(IEnumerable<PciFunction> functions, ChildIndex children)
    {
        var names = functions.Where(f => f.Sriov is not null).SelectMany(f => children.Below(f.Address))
            .Where(c => c.Kind == ChildKind.NetworkInterface)
            .Select(c => c.Name).Where(n => files.Exists(PortName(n))).ToList();
        var texts = blocking.ReadAll([.. names.Select(n => new BlockingFile(PortName(n)))]);
        return names.Where((_, i) => texts[i].Text is { } port && IsForAnother(port)).ToHashSet(StringComparer.Ordinal);
    }

    private static string PortName(string name) => $"/sys/class/net/{name}/phys_port_name";

    /// <summary>
    /// <c>pf0vf3</c>, <c>pf0sf88</c>, <c>c1pf0vf3</c>, and of a card with processors of its own <c>c1pf0</c> and <c>pf0hpf</c>. The card's
    /// own port is <c>p0</c> or <c>p0s1</c>.
    /// </summary>
    private static bool IsForAnother(string port)
    {
        var rest = port.AsSpan();
        var ofController = TrySkip(ref rest, "c");
        if (!TrySkip(ref rest, "pf")) return false;
        return rest.IsEmpty ? ofController : rest is "hpf" || ((TrySkip(ref rest, "vf") || TrySkip(ref rest, "sf")) && rest.IsEmpty);
    }

    /// <summary>Skips a word with a number after it.</summary>
    private static bool TrySkip(ref ReadOnlySpan<char> text, string word)
    {
        if (!text.StartsWith(word)) return false;
        var number = text[word.Length..];
        var end = number.IndexOfAnyExceptInRange('0', '9');
        if (end == 0 || number.IsEmpty) return false;
        text = end < 0 ? [] : number[end..];
        return true;
    }
}
