using System.Text;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Reporting;
using Xunit;

namespace Hostdev.Tests.Reporting;

public sealed class StatusLimitTests
{
    [Fact]
    public void What_fits_stays_whole()
    {
        var status = Status(devices: 100, problems: 3);
        var cut = StatusLimit.Cut(status);
        Assert.Equal((false, 100, 3), (cut.Truncated, cut.Devices.Length, cut.Policies[0].Problems.Length));
    }

    /// <summary>More than any machine has, though each is named twice for the version before.</summary>
    [Fact]
    public void Fourteen_hundred_devices_that_are_offered_stay_whole()
    {
        var status = Status(devices: 1400, problems: 0);
        var devices = status.Devices.Select(d => d with { NumaNode = 1, State = "Offered as example.com/gpu" });
        var cut = StatusLimit.Cut(status with { Devices = [.. devices] });
        Assert.Equal((false, 1400), (cut.Truncated, cut.Devices.Length));
    }

    [Theory]
    [InlineData(4000, 3)]
    [InlineData(100, 1024)]
    [InlineData(4000, 1024)]
    public void What_is_too_large_is_cut_to_256_KiB_and_says_so_and_its_counts_stay(int devices, int problems)
    {
        var cut = StatusLimit.Cut(Status(devices, problems));
        Assert.True(cut.Truncated);
        Assert.InRange(Encoding.UTF8.GetByteCount(NodeDeviceStateWriter.ToJson(cut).ToJsonString()), 1, StatusLimit.Most);
        Assert.Equal((devices, problems), (cut.Policies[0].Matched, cut.Policies[0].Blocked));
        Assert.NotEmpty(cut.Conditions);
    }

    [Fact]
    public void Problems_and_messages_are_cut_before_devices()
    {
        var cut = StatusLimit.Cut(Status(devices: 500, problems: 1024));
        Assert.Equal((500, true), (cut.Devices.Length, cut.Truncated));
        Assert.InRange(cut.Policies[0].Problems.Length, 1, 100);
    }

    [Fact]
    public void Of_too_many_devices_that_are_the_host_s_own_one_of_each_kind_stays()
    {
        var status = Status(devices: 4000, problems: 1);
        var cut = StatusLimit.Cut(status with { Devices = status.Devices.SetItem(3999, status.Devices[3999] with { Ids = "8086:1572" }) });
        Assert.Equal(["10de:1eb8", "8086:1572"], cut.Devices.Where(d => d.State is null).Select(d => d.Ids));
        Assert.Equal(400, cut.Devices.Count(d => d.State is not null));
        Assert.Single(cut.Policies[0].Problems);
    }

    [Fact]
    public void A_message_is_not_longer_than_the_schema_allows()
    {
        var status = Status(1, 1);
        var cut = StatusLimit.Cut(status with { Conditions = [status.Conditions[0] with { Message = new string('x', 5000) }] });
        Assert.Equal((4096, '…'), (cut.Conditions[0].Message.Length, cut.Conditions[0].Message[^1]));
    }

    private static NodeDeviceStateStatus Status(int devices, int problems) =>
        new()
        {
            Host = new HostStatus
            {
                Kernel = "6.12",
                Architecture = "x86_64",
                BootId = "b",
                Iommu = true,
                InterruptRemapping = "Yes",
                KernelArguments = [],
                VfioDrivers = [],
                Problems = [],
            },
            Devices = [.. Enumerable.Range(0, devices).Select(Device)],
            VirtualFunctions = [],
            Allocations = [],
            Policies =
            [
                new PolicyResult
                {
                    Kind = "HostDevice",
                    Name = "gpus",
                    Uid = "u",
                    Generation = 1,
                    Matched = devices,
                    Ready = 0,
                    Blocked = problems,
                    Reason = Reasons.Blocked,
                    Message = "m",
                    Problems =
                    [
                        .. Enumerable
                            .Range(0, problems)
                            .Select(i => new DeviceProblem($"{i}", FindingState.Blocked, Reasons.Protected, new string('m', 400))),
                    ],
                },
            ],
            Releasing = [],
            Resources = [],
            Conditions = [new NodeCondition("Ready", "False", Reasons.NotAsDesired, "m")],
        };

    private static DeviceStatus Device(int i) =>
        DeviceStatus.Of(PciAddress.Parse($"0000:{i / 256:x2}:{i % 256 / 8:x2}.{i % 8}")) with
        {
            Ids = "10de:1eb8",
            Driver = "nvidia",
            State = i % 10 == 0 ? "Offered as example.com/gpu" : null,
            Pci = new PciDeviceStatus(i),
        };
}
