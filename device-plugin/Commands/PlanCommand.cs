using System.Collections.Immutable;
using System.CommandLine;
using Hostdev.Crds;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Agent;
using Hostdev.DevicePlugin.Allocating;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Following;
using Hostdev.DevicePlugin.Host;
using Hostdev.DevicePlugin.Inventory;
using Hostdev.DevicePlugin.Planning;
using Hostdev.DevicePlugin.Usage;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>
/// <c>plan</c> and <c>explain</c>: what the agent would do, and why, on this host as it is now. Both only read; an agent may be running.
/// </summary>
public static class PlanCommand
{
    public static Command CreatePlan()
    {
        var (desired, state) = Options();
        var command = new Command("plan", "Show what run would do with this desired state, and what stands in the way. Changes nothing.")
        {
            desired,
            state,
        };
        command.SetAction(parsed =>
            Guarded(
                parsed.InvocationConfiguration.Error,
                () =>
                {
                    var look = Look(parsed.GetValue(desired)!, parsed.GetValue(state)!);
                    parsed.InvocationConfiguration.Output.Write(PlanText.Render(look.Plan));
                }
            )
        );
        return command;
    }

    public static Command CreateExplain()
    {
        var (desired, state) = Options();
        var address = new Argument<string>("pciAddress") { Description = "For example 0000:3b:00.0" };
        var command = new Command("explain", "Say of one device what it is, who uses it, and why it is or is not offered. Changes nothing.")
        {
            address,
            desired,
            state,
        };
        command.SetAction(parsed =>
            Guarded(
                parsed.InvocationConfiguration.Error,
                () =>
                {
                    var pci = PciAddress.Parse(parsed.GetValue(address)!);
                    var look = Look(parsed.GetValue(desired)!, parsed.GetValue(state)!);
                    if (!look.Inventory.Functions.TryGetValue(pci, out var function))
                        throw new FormatException($"{pci} is not on this host: \"hostdev-device-plugin inventory\" lists what is");
                    parsed.InvocationConfiguration.Output.Write(PlanText.Explain(function, look.Inventory, look.Usage, look.Plan));
                }
            )
        );
        return command;
    }

    private static (Option<string> Desired, Option<string> State) Options() =>
        (
            new Option<string>("--desired") { Description = "The desired state, as run reads it.", Required = true },
            new Option<string>("--state-dir")
            {
                Description = "Where the agent keeps its journal.",
                DefaultValueFactory = _ => AgentOptions.DefaultStateDirectory,
            }
        );

    private static int Guarded(TextWriter errors, Action action)
    {
        try
        {
            action();
            return 0;
        }
        catch (Exception e) when (e is FormatException or JournalException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine($"hostdev-device-plugin: {e.Message}");
            return 1;
        }
    }

    private static (HostInventory Inventory, HostUsage Usage, Plan Plan) Look(string desiredFile, string stateDirectory)
    {
        if (!File.Exists(desiredFile))
            throw new FormatException($"--desired is {desiredFile}, which does not exist: examples/ has files to start from");
        var spec =
            NodeDeviceStateReader.Read(File.ReadAllText(desiredFile), out var error)
            ?? throw new FormatException($"{desiredFile}: {error}");
        var paths = new HostPaths("/");
        var inventory = new InventoryReader(paths, TimeProvider.System).Read();
        var usage = new UsageReader(
            paths,
            new LinuxHostCalls(paths),
            new LedgerUsage(new LedgerFile(stateDirectory, inventory.Facts.BootId).Read())
        ).Read(inventory);
        var choices = new ChoiceFile(stateDirectory);
        var damage = Journal.TryRead(Path.Combine(stateDirectory, Journal.FileName), inventory.Facts.BootId, out var journal, out var why)
            ? null
            : why;
        var policies = DesiredState.Following(InForce(stateDirectory), spec.Policies);
        var fingerprint = DesiredState.FingerprintOf(policies);
        var plan = Planner.Plan(
            new PlanningInput
            {
                Inventory = inventory,
                Policies = policies,
                Usage = usage,
                Ownership = journal.Ownership,
                Contested = new RepairBudget(stateDirectory, inventory.Facts.BootId, TimeProvider.System).Contested(fingerprint),
                Choices = choices.Choices,
                AlternativeNames = PlanningInput.AsksForInterfaces(policies) ? new InterfaceNames(new LinuxHostCalls(paths)).Read() : [],
                Halt = new Halts(
                    new BreakGlassFile(stateDirectory),
                    damage ?? choices.Damage,
                    new BootRecord(stateDirectory, inventory.Facts.BootId, TimeProvider.System)
                ).Look(fingerprint),
            }
        );
        return (inventory, usage, plan);
    }

    /// <summary>What run goes on from: of an entry that is not understood the last version that was.</summary>
    private static ImmutableArray<EffectivePolicy> InForce(string stateDirectory)
    {
        var state = new DesiredState(stateDirectory);
        state.Restore();
        return state.Policies ?? [];
    }

    /// <summary>What pods have by the ledger on disk alone.</summary>
    private sealed class LedgerUsage(Offering.AllocationLedger ledger) : IPodUsage
    {
        public ImmutableArray<DeviceUser> UsersOf(DeviceId device) =>
            [
                .. ledger
                    .ById.Values.Where(a => a.Functions.Contains(device))
                    .Select(a => new DeviceUser(UserKind.Pod, $"pod {a.Pod ?? "(not known yet)"} has {a.Id}")),
            ];
    }
}
