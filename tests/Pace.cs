namespace Hostdev.Tests;

/// <summary>
/// How long a class of tests takes. <c>hack/test --fast</c> is for whoever waits, and leaves out the slow ones unless they are named:
/// stories of whole clusters, what real kubectl, helm and browsers do with our programs, and the scenarios in which agents wait or are
/// killed again and again. A whole run has them all.
/// </summary>
internal static class Pace
{
    public const string Name = "Pace";

    /// <summary>Ten seconds and more of one core's time or of waiting, with <c>HOSTDEV_FAST=1</c>.</summary>
    public const string Slow = "Slow";
}
