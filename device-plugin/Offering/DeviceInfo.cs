using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hostdev.DevicePlugin.Offering;

/// <summary>
/// What a container is told of its devices of one resource, in <c>HOSTDEV_NAME_INFO</c>: its schema is <c>docs/device-info.schema.json</c>.
/// A field that says nothing is left out. Within <see cref="CurrentVersion"/> fields are only added.
/// </summary>
public sealed record DeviceInfo
{
    public const int CurrentVersion = 1;

    /// <summary>
    /// The kernel starts no program that is told more in one variable (<c>MAX_ARG_STRLEN</c>, 128 KiB with its name; kernel
    /// <c>include/uapi/linux/binfmts.h</c>).
    /// </summary>
    public const int MostBytes = 120 * 1024;

    public int Version { get; init; } = CurrentVersion;

    public required string Resource { get; init; }

    /// <summary>Whether details were left out, because the whole would be too long for a variable.</summary>
    public bool? Shortened { get; init; }

    /// <summary>In the order of KubeVirt's env.</summary>
    public required ImmutableArray<InfoOfDevice> Devices { get; init; }

    /// <summary>
    /// One line, never longer than <see cref="MostBytes"/>: details are left out where it would be. Null where it would be all the same.
    /// </summary>
    public string? ToJson()
    {
        var whole = Serialize(this);
        if (whole.Length <= MostBytes)
            return whole;
        var shortened = Serialize(this with { Shortened = true, Devices = [.. Devices.Select(d => d.WithoutDetails())] });
        return shortened.Length <= MostBytes ? shortened : null;
    }

    // Of ASCII alone, since what devices call themselves is anything.
    private static string Serialize(DeviceInfo info) => JsonSerializer.Serialize(info, DeviceInfoJsonContext.Default.DeviceInfo);
}

/// <summary>One device ID of the answer.</summary>
public sealed record InfoOfDevice
{
    /// <summary>What the kubelet counts.</summary>
    public required string Id { get; init; }

    /// <summary>pci, usb, scsi or mdev.</summary>
    public required string Class { get; init; }

    /// <summary>As KubeVirt's env, or ours for a class that KubeVirt does not know, has it.</summary>
    public required string Address { get; init; }

    public required string SysfsPath { get; init; }

    /// <summary>The device nodes that are its own.</summary>
    public required ImmutableArray<string> Nodes { get; init; }

    public GroupInfo? IommuGroup { get; init; }

    /// <summary>Left out where the host tells none.</summary>
    public int? NumaNode { get; init; }

    /// <summary>The PCI functions above it, from the root port down.</summary>
    public ImmutableArray<string>? PciePath { get; init; }

    /// <summary>
    /// From 0: GPUs of one number can reach each other's memory through a PCIe switch, and their generation is known to let a guest do so.
    /// </summary>
    public int? P2pClique { get; init; }

    /// <summary>The PCI functions that the VM is given, the one of <see cref="Address"/> among them.</summary>
    public ImmutableArray<FunctionInfo>? Assigned { get; init; }

    /// <summary>The PCI functions that are kept from host and VM while it is given out.</summary>
    public ImmutableArray<string>? Held { get; init; }

    public MdevInfo? Mdev { get; init; }

    public UsbInfo? Usb { get; init; }

    public ScsiInfo? Scsi { get; init; }

    /// <summary>The clique of one of its functions.</summary>
    public int? CliqueOf(FunctionInfo function) => function.Address == Address ? P2pClique : function.P2pClique;

    /// <summary>Whether all its functions have nodes of their own: half of a group cannot be opened by these.</summary>
    [JsonIgnore]
    public bool HasCdevs => Assigned is { } functions && functions.All(f => f.CdevNode is not null);

    /// <summary>The same without what no VMM needs to open it.</summary>
    public InfoOfDevice WithoutDetails() =>
        new()
        {
            Id = Id,
            Class = Class,
            Address = Address,
            SysfsPath = SysfsPath,
            Nodes = Nodes,
            Assigned = Assigned is { Length: > 1 } functions ? [.. functions.Select(f => new FunctionInfo { Address = f.Address })] : null,
        };
}

/// <param name="Node">For example <c>/dev/vfio/17</c>.</param>
public sealed record GroupInfo(int Number, string Node)
{
    public static GroupInfo Of(int number) => new(number, string.Create(CultureInfo.InvariantCulture, $"/dev/vfio/{number}"));
}

/// <summary>A PCI function.</summary>
public sealed record FunctionInfo
{
    public required string Address { get; init; }

    public string? SysfsPath { get; init; }

    public string? Driver { get; init; }

    /// <summary>Its own, where that is not its device's: in a device group.</summary>
    public GroupInfo? IommuGroup { get; init; }

    /// <summary>As its device's, where it is not the function that its device is known by.</summary>
    public int? P2pClique { get; init; }

    /// <summary><c>/dev/vfio/devices/vfioN</c>, where it is given.</summary>
    public string? CdevNode { get; init; }

    /// <summary>Four hexadecimal digits, as are the next three.</summary>
    public string? VendorId { get; init; }

    public string? DeviceId { get; init; }

    public string? SubsystemVendorId { get; init; }

    public string? SubsystemDeviceId { get; init; }

    /// <summary>Six hexadecimal digits: base class, subclass, programming interface.</summary>
    public string? ClassCode { get; init; }

    public string? VendorName { get; init; }

    public string? DeviceName { get; init; }

    public string? PhysicalFunction { get; init; }

    /// <summary>The bytes of its memory BARs that must lie below 4 GiB, and the others'.</summary>
    public BarInfo? Bars { get; init; }

    /// <summary>As its <c>reset_method</c> lists them.</summary>
    public ImmutableArray<string>? ResetMethods { get; init; }
}

public sealed record BarInfo(ulong Bits32, ulong Bits64);

/// <param name="Parent">As <c>/sys/class/mdev_bus</c> names it.</param>
public sealed record MdevInfo(string Uuid, string TypeId, string? TypeName, string? Parent, string? DeviceApi);

/// <param name="Port">Its socket, which stays the same.</param>
/// <param name="Bus">As of now, like <paramref name="Device"/>.</param>
public sealed record UsbInfo(
    string Port,
    int Bus,
    int Device,
    string VendorId,
    string ProductId,
    string? Serial,
    string? Manufacturer,
    string? ProductName
);

/// <param name="Address">Host:channel:target:LUN, as of now.</param>
/// <param name="Type">SCSI peripheral device type.</param>
public sealed record ScsiInfo(
    string Address,
    string GenericNode,
    string? BlockNode,
    int? Type,
    string? Vendor,
    string? Model,
    string? Serial,
    string? Wwid
);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(DeviceInfo))]
internal sealed partial class DeviceInfoJsonContext : JsonSerializerContext;
