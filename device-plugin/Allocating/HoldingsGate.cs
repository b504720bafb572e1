using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.DevicePlugin.Applying;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Allocating;

/// <summary>What applying asks of who has what.</summary>
public sealed class HoldingsGate(Holdings holdings) : IOfferGate
{
    public ImmutableArray<string> TryClose(ImmutableArray<DeviceId> devices, ImmutableArray<DeviceId> touched, long asOf) =>
        holdings.TryClose(devices, touched, asOf);

    public long Changes => holdings.Changes;

    public void Open(ImmutableArray<DeviceId> devices) => holdings.Open(devices);
}
