namespace Hostdev.Tests;

/// <summary>
/// How much a run tries of what can be tried any number of times: <c>hack/test --fast</c> (HOSTDEV_FAST=1) has a share of it.
/// </summary>
internal static class Amount
{
    private static bool IsFast => Environment.GetEnvironmentVariable("HOSTDEV_FAST") == "1";

    public static int Of(int whole, int fast) => IsFast ? fast : whole;
}
