namespace Hostdev.Crds.Kinds;

/// <summary>Annotations that mean something to Hostdev.</summary>
public static class HostdevAnnotations
{
    /// <summary>
    /// On a NodeDeviceState, with the value <c>true</c>: the node is to have no policy, so that everything on it is given back.
    /// Uninstalling sets it on all nodes; an admin may on one.
    /// </summary>
    public const string GiveBack = "hostdev.io/give-back";
}
