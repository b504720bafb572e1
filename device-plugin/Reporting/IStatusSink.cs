using Hostdev.Crds.Kinds;

namespace Hostdev.DevicePlugin.Reporting;

/// <summary>Where the status goes. Writing never waits.</summary>
public interface IStatusSink
{
    void Write(NodeDeviceStateStatus status);
}
