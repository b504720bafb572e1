using Hostdev.Crds;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Scenarios;

/// <summary>The lab's machine with one function that is otherwise.</summary>
internal static class ChangedMachine
{
    public static MachineDescription Of(string address, Func<FunctionDescription, FunctionDescription> change)
    {
        var changed = PciAddress.Parse(address);
        FunctionDescription Look(FunctionDescription f) =>
            f.Address == changed ? change(f) : f with { Behind = [.. f.Behind.Select(Look)] };
        return LabMachine.Description with
        {
            RootBuses = [.. LabMachine.Description.RootBuses.Select(b => b with { Functions = [.. b.Functions.Select(Look)] })],
        };
    }
}
