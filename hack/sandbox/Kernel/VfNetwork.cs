using System.Collections.Immutable;
using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// What a physical function's interface has for its virtual functions (RTM_SETLINK, <c>ip link set DEV vf N</c>), as igb of Linux 6.12 does
/// it; a driver of another name takes everything. All of it goes with the virtual function.
/// </summary>
internal sealed class VfNetwork(SimulatedNetwork network)
{
    private const int LinkMegabits = 1000;
    private const string NoMac = "00:00:00:00:00:00";

    private static readonly ImmutableDictionary<string, string> s_fresh = ImmutableDictionary
        .Create<string, string>(StringComparer.Ordinal)
        .Add("mac", NoMac)
        .Add("vlan", "0")
        .Add("spoofchk", "on")
        .Add("trust", "off")
        .Add("state", "auto")
        .Add("rate", "min_tx_rate 0 max_tx_rate 0");

    public VfReading Read(PciDevice? pf) =>
        pf is null || !network.HasHardware(pf.Path)
            ? VfReading.Failed(Errno.ENODEV)
            : new VfReading(
                Errno.None,
                pf.Vfs.SelectMany(
                        vf => Of(vf.Value),
                        (vf, s) =>
                            KeyValuePair.Create(string.Create(CultureInfo.InvariantCulture, $"vf {vf.Key} {s.Key}"), (string?)s.Value)
                    )
                    .ToImmutableDictionary(StringComparer.Ordinal)
            );

    public Errno Set(PciDevice? pf, string setting, string value)
    {
        if (pf is null || !network.HasHardware(pf.Path))
            return Errno.ENODEV;
        if (setting.Split(' ') is not [_, var number, var name] || !s_fresh.ContainsKey(name))
            return Errno.EINVAL;
        if (!pf.Vfs.TryGetValue(int.Parse(number, CultureInfo.InvariantCulture), out var vf))
            return Errno.EINVAL;
        var error = pf.Driver is { Name: "igb" } ? Refused(pf, name, value) : Errno.None;
        if (error.IsSuccess)
            vf.Network = Of(vf).SetItem(name, value);
        return error;
    }

    /// <summary>The driver of a virtual function without an address makes one up, and the physical function's keeps that.</summary>
    public static void Bound(PciDevice vf)
    {
        if (Of(vf)["mac"] == NoMac)
            vf.Network = Of(vf).SetItem("mac", string.Create(CultureInfo.InvariantCulture, $"5e:00:00:00:00:{vf.VfIndex:x2}"));
    }

    /// <summary>The link came back with another speed: igb forgets all rates (<c>igb_check_vf_rate_limit</c>).</summary>
    public static void ForgetRates(PciDevice pf)
    {
        foreach (var vf in pf.Vfs.Values)
            vf.Network = Of(vf).SetItem("rate", s_fresh["rate"]);
    }

    private static ImmutableDictionary<string, string> Of(PciDevice vf) => vf.Network ?? s_fresh;

    private Errno Refused(PciDevice pf, string name, string value)
    {
        switch (name)
        {
            case "state":
                return Errno.EOPNOTSUPP; // no ndo_set_vf_link_state
            case "rate":
                int[] rates = [.. value.Split(' ').Where(w => char.IsDigit(w[0])).Select(w => int.Parse(w, CultureInfo.InvariantCulture))];
                return rates[0] != 0 || rates[1] > LinkMegabits || !network.HasLink(pf.Path) ? Errno.EINVAL : Errno.None;
            case "vlan":
                var words = value.Split(' ');
                return words.Contains("proto") ? Errno.EPROTONOSUPPORT
                    : int.Parse(words[0], CultureInfo.InvariantCulture) > 4095 || (words.Length > 1 && words[2] is not [>= '0' and <= '7'])
                        ? Errno.EINVAL
                    : Errno.None;
            case "mac":
                return value != NoMac && (byte.Parse(value[..2], NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 1) != 0
                    ? Errno.EINVAL
                    : Errno.None;
            default:
                return Errno.None;
        }
    }
}
