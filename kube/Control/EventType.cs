namespace Hostdev.Kube.Control;

public enum EventType
{
    Normal,

    /// <summary>A human should act.</summary>
    Warning,
}
