using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Planning.Attributes;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Foreseeing;

/// <summary>
/// What planning looks at, as steps leave it (contracts/kernel.md, "Binding" and "More about binding and VFs"; contracts/vgpu.md): an
/// override beats autoprobe, virtual functions come and go all together, what hangs below a driver goes with it. What only the host can
/// answer is assumed, and said.
/// </summary>
/// <param name="Vfs">Virtual functions as this host has them, or had them at first.</param>
internal sealed record ForeseenMachine(PlanningInput Input, ForeseenVfs Vfs)
{
    private static readonly AttributeReading s_unread = new("?");

    /// <summary>Sentences, each once, in the order in which they came to matter.</summary>
    public ImmutableArray<string> Assumptions { get; init; } = [];

    private HostInventory Inventory => Input.Inventory;

    public static ForeseenMachine Of(PlanningInput input) => new(input, ForeseenVfs.Of(input.Inventory));

    /// <summary>What is planned for it, and it with what was asked for that: what unread files read is assumed.</summary>
    public (Plan Plan, ForeseenMachine Machine) Plan()
    {
        var plan = Planner.Plan(Input);
        var unread = plan.Attributes.Where(f => !Input.Attributes.ContainsKey(f) && IsThere(f.Device)).ToList();
        var machine = unread.Aggregate(
            this with
            {
                Input = Input with { Attributes = Input.Attributes.AddRange(unread.Select(f => KeyValuePair.Create(f, s_unread))) },
            },
            (it, f) =>
                it.Assume(
                    $"{(f.Vf is null ? f.Name : "what the interface has for virtual functions")} of {f.Device} cannot be read beforehand: "
                        + "it is taken for not set yet"
                )
        );
        if (unread.Count > 0)
            plan = Planner.Plan(machine.Input);
        return (plan, plan.Choices is { } choices ? machine with { Input = machine.Input with { Choices = choices } } : machine);
    }

    /// <summary>After all steps of all lanes: those touch each other nowhere, so that their order does not matter.</summary>
    public ForeseenMachine After(Plan plan) => plan.Lanes.SelectMany(l => l.Steps).Aggregate(this, (it, s) => it.After(s.Step));

    private ForeseenMachine After(PlanStep step) =>
        step switch
        {
            PlanStep.ProveFree => this,
            PlanStep.Record s => With(s.Entry),
            PlanStep.SetAutoprobe s => With(s.PhysicalFunction, f => f with { Sriov = f.Sriov! with { Autoprobe = s.Autoprobe } }),
            PlanStep.SetNumVfs s => WithNumVfs(s),
            PlanStep.SetDriverOverride s => With(s.Address, f => f with { DriverOverride = s.Driver }),
            PlanStep.Unbind s => WithoutDriver(s),
            PlanStep.Probe s => Probed(s),
            PlanStep.Reset s => With(s.Address, f => f with { Health = f.Health is { } health ? health with { Answers = true } : null }),
            PlanStep.CreateMdev s => WithMdev(s),
            PlanStep.RemoveMdev s => WithoutMdev(s.Uuid),
            PlanStep.GiveVgpuType s => With(new JournalRecord.RecordVgpu(s.Address, s.TypeId, s.TypeName, s.PolicyUid))
                .With(s.Address, f => f with { Vgpu = new Vgpu(s.TypeId, []) })
                .Assume("the room that a type of vGPU leaves on its card is known when it is given: the others are taken to fit still"),
            PlanStep.TakeVgpuType s => With(s.Address, f => f with { Vgpu = new Vgpu(null, TypesToGive(f, s.TypeId)) }),
            PlanStep.SetAttribute s => WithAttribute(s),
            PlanStep.ProbeInterface s => WithInterface(s),
            PlanStep.Lend s => With(new JournalRecord.RecordLoan(s.Lent.Device, s.Lent.Driver, s.PolicyUid)),
            _ => throw new InvalidOperationException($"nothing is known of what {step.GetType().Name} brings"),
        };

    private bool IsThere(DeviceId device) => device.AsPci is not { } address || Inventory.Functions.ContainsKey(address);

    private ForeseenMachine With(JournalRecord entry) => this with { Input = Input with { Ownership = Input.Ownership.With(entry) } };

    private ForeseenMachine With(HostInventory inventory) => this with { Input = Input with { Inventory = inventory } };

    private ForeseenMachine With(PciAddress address, Func<PciFunction, PciFunction> change) =>
        Inventory.Functions.TryGetValue(address, out var function)
            ? With(Inventory with { Functions = Inventory.Functions.SetItem(address, change(function)) })
            : this;

    private ForeseenMachine WithNumVfs(PlanStep.SetNumVfs step)
    {
        if (!Inventory.Functions.TryGetValue(step.PhysicalFunction, out var pf) || pf.Sriov is null || pf.Sriov.NumVfs == step.NumVfs)
            return this;
        var without = pf
            .Sriov.VirtualFunctions.Values.Aggregate(this, (it, vf) => it.Without(vf))
            // What was read of what is there with its virtual function is void.
            .WithoutReadings(f => f.Device == pf.Address && (f.Vf is not null || Input.Attributes[f].IsAbsent));
        var (made, assumption) = Vfs.Made(without.Inventory, pf, step.NumVfs);
        var with = made.Aggregate(without, (it, vf) => it.With(pf.Sriov.Autoprobe ? vf with { Driver = Vfs.HostDriverOf(pf) } : vf))
            .With(
                pf.Address,
                f =>
                    f with
                    {
                        Sriov = f.Sriov! with
                        {
                            NumVfs = step.NumVfs,
                            VirtualFunctions = made.ToImmutableSortedDictionary(v => v.VfIndex!.Value, v => v.Address),
                        },
                    }
            )
            .WithUser(pf.Address, UserKind.VirtualFunctions, made.Length, "virtual function");
        return assumption is null ? with : with.Assume(assumption);
    }

    private ForeseenMachine WithoutDriver(PlanStep.Unbind step) =>
        DeviceGraph
            .Of(Inventory)
            .Below(step.Address, Bond.Carried)
            .Aggregate(
                this,
                (it, device) =>
                    // What consumes what it gives stays, and the driver core takes its driver from it; what is behind it is gone.
                    device.AsPci
                        is { } address
                    && !Inventory.Functions[address].Path.Contains(step.Address)
                        ? it.WithoutDriver(address)
                        : it.Without(device)
            )
            .WithoutDriver(step.Address);

    /// <summary>Then nothing hangs below it, and nobody uses it.</summary>
    private ForeseenMachine WithoutDriver(PciAddress address)
    {
        var it = With(
            address,
            f =>
                f with
                {
                    Driver = null,
                    Children = [],
                    NetworkInterfaceElsewhere = false,
                    Health = null,
                    VfioCdev = null,
                    HasVfioCdevNode = false,
                    Vgpu = null,
                }
        );
        return it.With(it.Inventory with { MdevParents = it.Inventory.MdevParents.RemoveAll(p => p.PciAddress == address) })
            .WithoutUsers(address);
    }

    private ForeseenMachine Probed(PlanStep.Probe step)
    {
        if (!Inventory.Functions.TryGetValue(step.Address, out var function) || function.Driver is not null)
            return this;
        var driver = step.ExpectedDriver ?? Found(function);
        var isPassthrough = driver is not null && Inventory.Facts.PassthroughDrivers.Contains(driver);
        var with = With(step.Address, f => f with { Driver = driver, Health = isPassthrough ? new FunctionHealth(true, 0) : null });
        if (isPassthrough)
            return with.AsleepWhenIdle(step.Address);
        return driver is null
            ? with
            : with.Assume(
                "what a driver of the host makes of a device (interfaces, disks, types of mediated devices) is known when it has it"
            );
    }

    /// <summary>vfio-pci lets what it gets sleep (kernel <c>drivers/vfio/pci/vfio_pci_core.c: pm_runtime_allow</c>).</summary>
    private ForeseenMachine AsleepWhenIdle(PciAddress address)
    {
        var file = new AttributeFile(address, "power/control");
        return Input.Attributes.GetValueOrDefault(file) is { Text: not null }
            ? this with
            {
                Input = Input with { Attributes = Input.Attributes.SetItem(file, new AttributeReading("auto")) },
            }
            : this;
    }

    /// <summary>With autoprobe off a virtual function gets its driver by an override alone.</summary>
    private string? Found(PciFunction function)
    {
        if (function.DriverOverride is { } wanted)
            return wanted;
        return function.PhysicalFunction is { } address && Inventory.Functions.GetValueOrDefault(address) is { Sriov: { } sriov } pf
            ? sriov.Autoprobe
                ? Vfs.HostDriverOf(pf)
                : null
            : ForeseenVfs.UnknownDriver;
    }

    private ForeseenMachine WithMdev(PlanStep.CreateMdev step)
    {
        var group = ForeseenVfs.NewGroup(Inventory);
        var mdev = new MdevDevice
        {
            Uuid = step.Uuid,
            Parent = step.Parent,
            TypeId = step.TypeId,
            IommuGroup = group,
        };
        var with = With(
                Inventory with
                {
                    Mdevs = Inventory.Mdevs.Add(mdev),
                    Groups = Inventory.Groups.Add(group, new IommuGroup(group, [], null)),
                }
            )
            .WithRoom(step.Parent, step.TypeId, -1);
        return Inventory.MdevParents.Any(p => p.Name == step.Parent && p.Types.Length > 1)
            ? with.Assume(
                "the room that a mediated device leaves for other types on its parent is known when it is made: they are taken to fit still"
            )
            : with;
    }

    private ForeseenMachine WithoutMdev(MdevUuid uuid) =>
        Inventory.Mdev(uuid) is { } mdev ? Without(uuid).WithRoom(mdev.Parent, mdev.TypeId, +1) : this;

    private ForeseenMachine WithRoom(string parent, string typeId, int more)
    {
        MdevType Changed(MdevType type) =>
            type.Id == typeId ? type with { AvailableInstances = Math.Max(0, type.AvailableInstances + more) } : type;

        var with = With(
            Inventory with
            {
                MdevParents =
                [
                    .. Inventory.MdevParents.Select(p => p.Name == parent ? p with { Types = [.. p.Types.Select(Changed)] } : p),
                ],
            }
        );
        return Inventory.MdevParents.FirstOrDefault(p => p.Name == parent)?.PciAddress is { } address
            ? with.WithUser(address, UserKind.MediatedDevices, Inventory.Mdevs.Count(m => m.Parent == parent), "mediated device")
            : with;
    }

    /// <summary>What can be given once a type is taken back: as on a virtual function beside it, else the type itself.</summary>
    private ImmutableArray<VgpuType> TypesToGive(PciFunction function, string typeId) =>
        Inventory
            .Functions.Values.Where(f => f.PhysicalFunction == function.PhysicalFunction)
            .Select(f => f.Vgpu)
            .FirstOrDefault(v => v is { TypeId: null, Creatable.IsEmpty: false })
            ?.Creatable
        ?? [new VgpuType(typeId, Input.Ownership.Vgpus.GetValueOrDefault(function.Address)?.TypeName ?? typeId)];

    private ForeseenMachine WithAttribute(PlanStep.SetAttribute step)
    {
        var reading = Input.Attributes.GetValueOrDefault(step.File) is { Text: null, Complaint: null }
            ? AttributeReading.WriteOnly
            : new AttributeReading(step.Value);
        var with = this with { Input = Input with { Attributes = Input.Attributes.SetItem(step.File, reading) } };
        return Input.Ownership.Attribute(step.File) is null
            ? with
            : with.With(new JournalRecord.ConfirmAttribute(step.File.Device, step.File.Name, reading.Text));
    }

    private ForeseenMachine WithInterface(PlanStep.ProbeInterface step)
    {
        UsbInterface Changed(UsbInterface it) =>
            step.Interface.EndsWith($":{it.Name}", StringComparison.Ordinal)
                ? it with
                {
                    Driver = step.ExpectedDriver ?? ForeseenVfs.UnknownDriver,
                }
                : it;

        return With(
            Inventory with
            {
                UsbDevices =
                [
                    .. Inventory.UsbDevices.Select(u =>
                        u.Port == step.Port ? u with { Interfaces = [.. u.Interfaces.Select(Changed)] } : u
                    ),
                ],
            }
        );
    }

    private ForeseenMachine With(PciFunction added)
    {
        var groups = Inventory.Groups;
        if (added.IommuGroup is { } number)
        {
            var group = groups.GetValueOrDefault(number) ?? new IommuGroup(number, [], null);
            groups = groups.SetItem(number, group with { Members = [.. group.Members.Append(added.Address).Order()] });
        }

        return With(Inventory with { Functions = Inventory.Functions.SetItem(added.Address, added), Groups = groups });
    }

    /// <summary>Without a device, its users, and what was read of its files.</summary>
    private ForeseenMachine Without(DeviceId device)
    {
        var (address, groups) = (device.AsPci, Inventory.Groups);
        if (Inventory.GroupOf(device) is { } group)
        {
            ImmutableArray<PciAddress> left = [.. group.Members.Where(m => m != address)];
            groups = left.IsEmpty ? groups.Remove(group.Number) : groups.SetItem(group.Number, group with { Members = left });
        }

        return With(
                Inventory with
                {
                    Functions = address is { } gone ? Inventory.Functions.Remove(gone) : Inventory.Functions,
                    Groups = groups,
                    UsbDevices = Inventory.UsbDevices.RemoveAll(u => u.Port == device),
                    ScsiDevices = Inventory.ScsiDevices.RemoveAll(s => s.Id == device),
                    MdevParents = address is null ? Inventory.MdevParents : Inventory.MdevParents.RemoveAll(p => p.PciAddress == address),
                    Mdevs = Inventory.Mdevs.RemoveAll(m => m.Uuid == device),
                }
            )
            .WithoutUsers(device)
            .WithoutReadings(f => f.Device == device);
    }

    private ForeseenMachine WithoutReadings(Func<AttributeFile, bool> which) =>
        this with
        {
            Input = Input with { Attributes = Input.Attributes.RemoveRange(Input.Attributes.Keys.Where(which)) },
        };

    private ForeseenMachine WithoutUsers(DeviceId device) =>
        this with
        {
            Input = Input with { Usage = new HostUsage(Input.Usage.ByDevice.Remove(device)) },
        };

    private ForeseenMachine WithUser(PciAddress address, UserKind kind, int count, string what)
    {
        var others = Input.Usage.UsersOf(address).RemoveAll(u => u.Kind == kind);
        var users = count == 0 ? others : others.Add(new DeviceUser(kind, $"it has {count} {what}{(count == 1 ? "" : "s")}"));
        return users.IsEmpty
            ? WithoutUsers(address)
            : this with
            {
                Input = Input with { Usage = new HostUsage(Input.Usage.ByDevice.SetItem(address, users)) },
            };
    }

    private ForeseenMachine Assume(string sentence) =>
        Assumptions.Contains(sentence, StringComparer.Ordinal) ? this : this with { Assumptions = Assumptions.Add(sentence) };
}
