using System.Collections.Immutable;
using Hostdev.Crds;

namespace Hostdev.DevicePlugin.Applying;

/// <summary>
/// What is offered to the kubelet, as far as applying must know: a device that is about to change must not be handed out at the same
/// moment.
/// </summary>
public interface IOfferGate
{
    /// <summary>
    /// Closes the offer of every unit that contains one of these devices, all or none: from then on they are not handed out. Empty when it
    /// is closed; else who has, or is just getting, one of them, and nothing changed.
    /// </summary>
    /// <param name="touched">Devices that are closed too, and that somebody may have, but not be just getting.</param>
    /// <param name="asOf">The moment, as <see cref="Changes"/>, before the devices were looked at.</param>
    ImmutableArray<string> TryClose(ImmutableArray<DeviceId> devices, ImmutableArray<DeviceId> touched, long asOf);

    /// <summary>A moment to be remembered before the devices are looked at: answers change them too.</summary>
    long Changes { get; }

    /// <summary>Opens what <see cref="TryClose"/> closed.</summary>
    void Open(ImmutableArray<DeviceId> devices);
}
