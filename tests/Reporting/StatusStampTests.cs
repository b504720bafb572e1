using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Reporting;
using Xunit;

namespace Hostdev.Tests.Reporting;

public sealed class StatusStampTests
{
    private static readonly DateTimeOffset Then = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Now = Then.AddMinutes(5).AddMilliseconds(300);

    [Fact]
    public void A_condition_s_time_moves_with_its_status_alone()
    {
        var before = Status(
            new NodeCondition("Ready", "True", Reasons.AsDesired, "old words", Then),
            new NodeCondition("Degraded", "False", Reasons.AsDesired, "", Then)
        );
        var stamped = StatusStamp.Times(
            Status(
                new NodeCondition("Ready", "True", Reasons.AsDesired, "new words"),
                new NodeCondition("Degraded", "True", Reasons.Blocked, "b")
            ) with
            {
                ObservedGeneration = 7,
            },
            before.Conditions,
            Now
        );
        // whole seconds, as the API server keeps them
        Assert.Equal([Then, Then.AddMinutes(5)], stamped.Conditions.Select(c => c.LastTransitionTime!.Value));
        Assert.All(stamped.Conditions, c => Assert.Equal(7, c.ObservedGeneration));
    }

    [Fact]
    public void A_condition_that_was_not_there_begins_now() =>
        Assert.Equal(
            Then.AddMinutes(5),
            StatusStamp.Times(Status(new NodeCondition("Ready", "True", Reasons.Of("r"), "m")), [], Now).Conditions[0].LastTransitionTime
        );

    private static NodeDeviceStateStatus Status(params NodeCondition[] conditions) =>
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
            Devices = [],
            VirtualFunctions = [],
            Allocations = [],
            Policies = [],
            Releasing = [],
            Resources = [],
            Conditions = [.. conditions],
        };
}
