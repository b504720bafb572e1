using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios;

/// <summary>A use of an interface of the simulated host, and how it ends.</summary>
internal sealed class SimulatedNetworkUser : INetworkUser
{
    private readonly SimulatedKernel _kernel;
    private readonly SimulatedProcess? _process;
    private readonly Stack<Action> _undo = new();

    public SimulatedNetworkUser(SimulatedKernel kernel, string address, NetworkUse use)
    {
        _kernel = kernel;
        Interface = ScenarioNodes.InterfaceOf(kernel.Paths, address);
        if (use is NetworkUse.Namespace or NetworkUse.MacvlanInNamespace)
            _process = kernel.Processes.Start("sleep");
        Begin(use);
    }

    public string Interface { get; }

    public int ProcessId => _process?.Pid ?? 0;

    public void Dispose()
    {
        while (_undo.TryPop(out var undo))
            undo();
        _process?.Exit();
    }

    private void Begin(NetworkUse use)
    {
        var network = _kernel.Network;
        switch (use)
        {
            case NetworkUse.MerelyUp:
                Up();
                break;
            case NetworkUse.Address:
                Do(() => network.AddAddress(Interface, "192.0.2.7/24"), () => network.RemoveAddress(Interface, "192.0.2.7/24"));
                break;
            case NetworkUse.Ipv6Address:
                Do(() => network.AddAddress(Interface, "2001:db8::7/64"), () => network.RemoveAddress(Interface, "2001:db8::7/64"));
                break;
            case NetworkUse.RouteInAnotherTable:
                Up();
                network.AddRoute(Interface, "198.51.100.0/24", 100);
                break;
            case NetworkUse.RouteByNextHop:
                Up();
                network.AddRoute(Interface, "203.0.113.0/24");
                break;
            case NetworkUse.RoutingRule:
                Do(() => network.AddRule(Interface, 30000), () => network.RemoveRule(Interface));
                break;
            case NetworkUse.Bond or NetworkUse.BondWithAddressAndRoute:
                Do(() => network.AddMaster(Interface, "hd-bond0"), () => network.Delete("hd-bond0"));
                if (use == NetworkUse.Bond)
                    break;
                network.AddAddress("hd-bond0", "192.0.2.7/24");
                network.AddRoute("hd-bond0", "198.51.100.0/24", 100);
                break;
            case NetworkUse.Bridge:
                Do(() => network.AddMaster(Interface, "hd-br0", "bridge"), () => network.Delete("hd-br0"));
                break;
            case NetworkUse.Vrf:
                Do(() => network.AddMaster(Interface, "hd-vrf0", "vrf"), () => network.Delete("hd-vrf0"));
                break;
            case NetworkUse.Macvlan or NetworkUse.MacvlanInNamespace:
                Do(() => network.AddStacked(Interface, "hd-mv0", "macvlan", _process), () => network.Delete("hd-mv0"));
                break;
            case NetworkUse.Vlan:
                Do(() => network.AddStacked(Interface, "hd-vlan7", "vlan"), () => network.Delete("hd-vlan7"));
                break;
            default:
                Do(() => network.MoveAway(Interface, _process!), () => network.ComeBack(Interface));
                break;
        }
    }

    private void Up() => Do(() => _kernel.Network.SetUp(Interface), () => _kernel.Network.SetDown(Interface));

    private void Do(Action begin, Action end)
    {
        begin();
        _undo.Push(end);
    }
}
