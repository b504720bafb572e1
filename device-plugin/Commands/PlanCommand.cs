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
using Hostdev.DevicePlugin.Usage;
using Hostdev.Planning;
using Hostdev.Planning.Explaining;
using Hostdev.Planning.Foreseeing;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>
/// <c>plan</c> and <c>explain</c>: what the agent would do, and why, on this host as it is now. Both only read; an agent may be running.
/// </summary>
public static class PlanCommand
{
    /// <param name="simulated">Looked at in place of this machine.</param>
    public static Command CreatePlan(AgentMachine? simulated = null)
    {
        var (desired, state) = Options();
        var output = new Option<string>("--output", "-o") { Description = "text, json or yaml.", DefaultValueFactory = _ => "text" };
        output.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is not ("text" or "json" or "yaml") and var form)
                result.AddError($"--output is \"{form}\": write text, json or yaml");
        });
        var command = new Command(
            "plan",
            "Show what run would do with this desired state, to the end, and what stands in the way. Changes nothing. Ends with 0 where "
                + "nothing is to be done, with 2 where something changes, now or when somebody lets go, with 3 where something is "
                + "blocked or not understood, and with 1 where it could not find out."
        )
        {
            desired,
            state,
            output,
        };
        command.SetAction(parsed =>
            Guard.Run(
                parsed.InvocationConfiguration.Error,
                () =>
                {
                    var way = Foresight.Of(
                        Look(parsed.GetValue(desired), parsed.GetValue(state)!, simulated ?? Here, TimeProvider.System).Input
                    );
                    parsed.InvocationConfiguration.Output.Write(Render(way, parsed.GetValue(output)!));
                    return ExitCode(way.Verdict);
                }
            )
        );
        return command;
    }

    /// <param name="simulated">Looked at in place of this machine.</param>
    public static Command CreateExplain(AgentMachine? simulated = null)
    {
        var (desired, state) = Options();
        var address = new Argument<string>("device")
        {
            Description =
                "For example 0000:3b:00.0, a mediated device's UUID, or a USB or SCSI device: its ID, or what the host calls it "
                + "(1-4.2, 0:0:1:0, sda)",
        };
        var command = new Command("explain", "Say of one device what it is, who uses it, and why it is or is not offered. Changes nothing.")
        {
            address,
            desired,
            state,
        };
        command.SetAction(parsed =>
            Guard.Run(
                parsed.InvocationConfiguration.Error,
                () =>
                {
                    var named = parsed.GetValue(address)!;
                    var look = Look(parsed.GetValue(desired), parsed.GetValue(state)!, simulated ?? Here, TimeProvider.System);
                    var device = LentText.Find(named, look.Input.Inventory) ?? DeviceId.Parse(named);
                    var writes = Journal.WritesAbout(device, parsed.GetValue(state)!, look.Input.Inventory.Facts.BootId);
                    if (ExplainText.Render(Explanation.Of(look.Input, device), look.Standing, writes) is not { } words)
                        throw new FormatException($"{device} is not on this host: \"hostdev-device-plugin inventory\" lists what is");
                    parsed.InvocationConfiguration.Output.Write(words);
                    return 0;
                }
            )
        );
        return command;
    }

    internal static AgentMachine Here
    {
        get
        {
            var paths = new HostPaths("/");
            return new AgentMachine(paths, new LinuxHostCalls(paths), UeventSource.Open);
        }
    }

    private static (Option<string?> Desired, Option<string> State) Options() =>
        (
            new Option<string?>("--desired")
            {
                Description = "A desired state, as run reads it; without it the one that the agent follows.",
            },
            new Option<string>("--state-dir")
            {
                Description = "Where the agent keeps its journal.",
                DefaultValueFactory = _ => AgentOptions.DefaultStateDirectory,
            }
        );

    internal static string Render(ForeseenWay way, string form) =>
        form switch
        {
            "json" => PlanDocument.Of(way).ToJson(),
            "yaml" => JsonToYaml.Convert(PlanDocument.Of(way).ToJson()),
            _ => PlanText.Render(way),
        };

    /// <summary>What a script decides by; 1 is for what could not be found out.</summary>
    internal static int ExitCode(Verdict verdict) =>
        verdict switch
        {
            Verdict.Nothing => 0,
            Verdict.Changes => 2,
            _ => 3,
        };

    /// <summary>What the agent would plan by now, with the desired state in a file, or with the one that it follows.</summary>
    /// <param name="desiredFile">Null for what is in force.</param>
    /// <exception cref="FormatException">There is no such file, or it cannot be understood.</exception>
    internal static HostLook Look(string? desiredFile, string stateDirectory, AgentMachine machine, TimeProvider time)
    {
        var kept = new DesiredState(stateDirectory);
        kept.Restore();
        return Look(
            kept,
            desiredFile is null ? InForce(kept, stateDirectory) : Read(kept, desiredFile),
            desiredFile,
            stateDirectory,
            machine,
            time
        );
    }

    /// <summary>The same for what the agent follows, and for an empty desired state where there is none.</summary>
    internal static HostLook LookAround(string stateDirectory, AgentMachine machine, TimeProvider time)
    {
        var kept = new DesiredState(stateDirectory);
        kept.Restore();
        return Look(
            kept,
            kept.InForce ?? new DesiredInForce([], DesiredState.FingerprintOf([]), null),
            null,
            stateDirectory,
            machine,
            time
        );
    }

    private static HostLook Look(
        DesiredState kept,
        DesiredInForce desired,
        string? desiredFile,
        string stateDirectory,
        AgentMachine machine,
        TimeProvider time
    )
    {
        var inventory = new InventoryReader(machine.Paths, time).Read();
        var bootId = inventory.Facts.BootId;
        var ledger = new LedgerFile(stateDirectory, bootId).Read();
        var usage = new UsageReader(machine.Paths, machine.Calls, new LedgerUsage(ledger)).Read(inventory);
        var choices = new ChoiceFile(stateDirectory);
        var isRead = Journal.TryRead(Path.Combine(stateDirectory, Journal.FileName), bootId, out var journal, out var damage);
        var remembered = new Remembered
        {
            Node = NodeName.Of(machine.Paths, Environment.GetEnvironmentVariable("NODE_NAME")),
            // A file that is named is the word of the source, as it is for an agent that has read it: nothing waits to be confirmed then.
            Journal = desiredFile is null ? journal : journal with { InForceBefore = null },
            Repairs = new RepairBudget(stateDirectory, bootId, time),
            Halts = new Halts(
                new BreakGlassFile(stateDirectory),
                isRead ? choices.Damage : damage,
                new BootRecord(stateDirectory, bootId, time)
            ),
            Choices = choices.Choices,
            Links = new LinkFile(stateDirectory).Links,
            Given = [.. ledger.Units],
            GivenDevices = ledger.GivenDevices,
            // For another desired state than the one it follows the agent tries everything anew.
            Setbacks =
                desired.Fingerprint == kept.Fingerprint
                    ? new SetbackFile(stateDirectory, bootId).Read(time.GetUtcNow())
                    : ImmutableDictionary<Purpose, Setback>.Empty,
        };
        var names = PlanningInput.AsksForInterfaces(desired.Policies) ? new InterfaceNames(machine.Calls).Read() : [];
        var input = remembered.Input(desired, inventory, usage, names);
        var attributes = new AttributeReader(machine.Calls, time).Read(Planner.Plan(input).Attributes);
        var standing =
            !Journal.IsOpen(stateDirectory) ? Standing.NoAgent
            : desired.Fingerprint == kept.Fingerprint ? Standing.Followed
            : Standing.NotFollowed;
        return new HostLook(input with { Attributes = attributes }, standing, desired.Fingerprint);
    }

    /// <param name="Fingerprint">Of the desired state that was planned for.</param>
    internal sealed record HostLook(PlanningInput Input, Standing Standing, string Fingerprint);

    private static DesiredInForce InForce(DesiredState kept, string stateDirectory) =>
        kept.InForce
        ?? throw new FormatException(
            kept.Problem ?? $"{stateDirectory} has no desired state: no agent has read one there; name a file with --desired"
        );

    /// <summary>As run takes it in: of an entry that is not understood the last version that was.</summary>
    private static DesiredInForce Read(DesiredState kept, string desiredFile)
    {
        if (!File.Exists(desiredFile))
            throw new FormatException($"--desired is {desiredFile}, which does not exist: examples/ has files to start from");
        var spec =
            NodeDeviceStateReader.Read(DesiredFile.ReadText(desiredFile), out var error, cordoned: kept.Cordons)
            ?? throw new FormatException($"{desiredFile}: {error}");
        var policies = DesiredState.Following(kept.Policies ?? [], spec.Policies);
        return new DesiredInForce(policies, DesiredState.FingerprintOf(policies), null) { Cordons = spec.Cordons };
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
