namespace Hostdev.Tests.Scenarios;

/// <summary>What the lab has to plug into a USB socket.</summary>
internal enum UsbThing
{
    /// <summary>A disk, at the speed of USB 3.</summary>
    Stick,

    /// <summary>At the speed of USB 2.</summary>
    Keyboard,
}
