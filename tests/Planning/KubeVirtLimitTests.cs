using Hostdev.Crds.Words;
using Hostdev.Sandbox.Kubelet;
using Xunit;

namespace Hostdev.Tests.Planning;

public sealed class KubeVirtLimitTests
{
    [Fact]
    public void A_domain_of_five_digits_is_offered_and_said_not_to_be_one_that_KubeVirt_reads()
    {
        var machine = new Machine().Gpu("10000:01:00.0", driver: "vfio-pci").Gpu("ffff:01:00.0", 13, "vfio-pci");
        var input = Given.Input(machine, Given.HostDevice());
        var plan = input.Plan();

        Assert.Equal(["10000:01:00.0", "ffff:01:00.0"], plan.Units.Select(u => u.Id.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal(["ffff:01:00.0"], plan.Units.Select(u => u.Id.ToString()).Where(KubeVirtOracle.HasFormKubeVirtReads));
        var finding = Assert.Single(plan.Findings, f => f.Reason == Reasons.DomainTooLong);
        Assert.Equal(("10000:01:00.0", FindingState.Noticed), (finding.Device, finding.State));
        Assert.Equal(
            "10000:01:00.0 has a PCI domain of more than four digits, which KubeVirt does not read: "
                + "it is offered as example.com/gpus, and a VM of KubeVirt that gets it does not start",
            finding.Message
        );
        Golden.MatchesWords("domain-too-long", input, "10000:01:00.0");
    }
}
