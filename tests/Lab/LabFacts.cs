namespace Hostdev.Tests.Lab;

/// <summary>
/// What lab tests say of themselves. A class of tests that needs the real kernel carries <c>[Trait(LabFacts.Where, LabFacts.Lab)]</c> and
/// runs only in the node of <c>hack/lab</c>; a class or test that needs IOMMUFD and VFIO character devices also carries
/// <c>[Trait(LabFacts.Vfio, LabFacts.Cdev)]</c>.
/// </summary>
internal static class LabFacts
{
    public const string Where = "Where";
    public const string Lab = "Lab";
    public const string Vfio = "Vfio";
    public const string Cdev = "cdev";

    /// <summary>
    /// Tests of a host that lacks something carry <c>[Trait(LabFacts.Boot, LabFacts.NoIommu)]</c> and the like, and run in that boot only
    /// (<c>BOOTS</c> in hack/lab.d/tests.sh).
    /// </summary>
    public const string Boot = "Boot";
    public const string NoIommu = "no-iommu";
    public const string NoIntremap = "no-intremap";
    public const string NoVfio = "no-vfio";
    public const string Systemd = "systemd";

    /// <summary>
    /// What takes too long for every run: <c>[Trait(ShippedPrograms.Needs, LabFacts.Nested)]</c> runs with <c>hack/lab test --nested</c>
    /// alone.
    /// </summary>
    public const string Nested = "Nested";

    /// <summary>The program runs in the node, where a test may do to the host what it likes.</summary>
    public static bool InNode => Environment.GetEnvironmentVariable("HOSTDEV_LAB") == "1";

    /// <summary>The node's vfio has IOMMUFD and character devices.</summary>
    public static bool HasCdev => Environment.GetEnvironmentVariable("HOSTDEV_LAB_VFIO") == Cdev;
}
