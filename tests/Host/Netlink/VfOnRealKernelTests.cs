using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Lab;
using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Host.Netlink;

/// <summary>What igb's interface takes for its virtual functions, and what iproute2 says of it then.</summary>
[Trait(LabFacts.Where, LabFacts.Lab)]
[Trait(LabFacts.Vfio, LabFacts.Cdev)] // what vfio offers makes no difference here: one flavour is enough
public sealed class VfOnRealKernelTests : IDisposable
{
    private const string Pf = "0000:81:00.0";

    private readonly RealNode _node = new();

    private string Interface => ScenarioNodes.InterfaceOf(_node.Machine.Paths, Pf);

    public void Dispose()
    {
        Command.Try("ip", "netns", "del", "hd-away");
        Command.Try("ip", "link", "set", Interface, "down");
        _node.Dispose();
    }

    [LabFact]
    public async Task What_is_set_is_what_iproute2_prints_and_what_igb_refuses_has_its_errno()
    {
        _node.Write(($"/sys/bus/pci/devices/{Pf}/sriov_drivers_autoprobe", "0"), ($"/sys/bus/pci/devices/{Pf}/sriov_numvfs", "2"));
        Assert.Equal(
            [
                "vf 0 mac 00:00:00:00:00:00",
                "vf 0 rate min_tx_rate 0 max_tx_rate 0",
                "vf 0 spoofchk on",
                "vf 0 state auto",
                "vf 0 trust off",
                "vf 0 vlan 0",
            ],
            Settings().Where(s => s.StartsWith("vf 0 ", StringComparison.Ordinal))
        );
        Assert.Equal(Errno.None, Set("vf 0 mac", "02:00:00:00:00:01"));
        Assert.Equal(Errno.None, Set("vf 0 vlan", "100 qos 3"));
        Assert.Equal(Errno.None, Set("vf 0 spoofchk", "off"));
        Assert.Equal(Errno.None, Set("vf 0 trust", "on"));
        Assert.Equal(Errno.EOPNOTSUPP, Set("vf 0 state", "enable"));
        Assert.Equal(Errno.EPROTONOSUPPORT, Set("vf 0 vlan", "100 qos 3 proto 802.1ad"));
        Assert.Equal(Errno.EINVAL, Set("vf 5 vlan", "100"));
        Assert.Equal(Errno.EINVAL, Set("vf 0 mac", "01:00:00:00:00:01"));
        Assert.Equal(Errno.EINVAL, Set("vf 0 rate", "min_tx_rate 0 max_tx_rate 100")); // the link is down

        Command.Run("ip", "link", "set", Interface, "up");
        await Waiting.UntilAsync(() => Set("vf 0 rate", "min_tx_rate 0 max_tx_rate 100").IsSuccess, 30);
        Assert.Equal(Errno.EINVAL, Set("vf 0 rate", "min_tx_rate 10 max_tx_rate 100"));
        Assert.Contains(
            "02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff, vlan 100, qos 3, tx rate 100 (Mbps), max_tx_rate 100Mbps, spoof checking off, "
                + "link-state auto, trust on",
            Command.Read("ip", "link", "show", Interface),
            StringComparison.Ordinal
        );
        Assert.Contains("vf 0 rate min_tx_rate 0 max_tx_rate 100", Settings());
    }

    [LabFact]
    public void An_interface_in_another_network_namespace_is_found_there()
    {
        _node.Write(($"/sys/bus/pci/devices/{Pf}/sriov_drivers_autoprobe", "0"), ($"/sys/bus/pci/devices/{Pf}/sriov_numvfs", "1"));
        var name = Interface;
        Command.Run("ip", "netns", "add", "hd-away");
        Command.Run("ip", "link", "set", name, "netns", "hd-away");
        Assert.Equal(Errno.None, Set("vf 0 vlan", "7"));
        Assert.Contains("vf 0 vlan 7", Settings());
        Assert.Contains("vlan 7", Command.Read("ip", "-n", "hd-away", "link", "show", name), StringComparison.Ordinal);
        Command.Run("ip", "-n", "hd-away", "link", "set", name, "netns", "1");
        Assert.Equal(Errno.ENODEV, _node.Machine.Calls.ReadVfs("0000:44:00.0").Error); // an NVMe controller
    }

    private Errno Set(string setting, string value) => _node.Machine.Calls.SetVf(Pf, setting, value);

    private IEnumerable<string> Settings() =>
        _node.Machine.Calls.ReadVfs(Pf).Settings.Select(s => $"{s.Key} {s.Value}").Order(StringComparer.Ordinal);
}
