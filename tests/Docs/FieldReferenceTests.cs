using Hostdev.Tests.Crds;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>What <c>docs/reference</c> says of every field is what the API server has of it.</summary>
public sealed class FieldReferenceTests
{
    public static TheoryData<string, string> Kinds =>
        new(CrdFiles.Plurals.Select(p => (p, $"docs/reference/{CrdFiles.OfPlural(p).Kind.ToLowerInvariant()}.md")));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_reference_of_a_kind_is_made_from_its_crd(string plural, string page)
    {
        var made = GeneratedParts.Match(page, "fields", $"crds/{plural}.yaml", FieldReference.Make);
        Assert.All(
            (string[])["columns", "spec", "status"],
            part => Assert.Contains($"<!-- fields: {plural}.yaml {part} -->\n", made, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_field_is_there_with_type_default_bounds_and_the_words_of_a_refusal()
    {
        var made = FieldReference.Make("hostdevices.yaml spec");
        Assert.Contains(
            "| `priority` | integer (int32) | `0` | at least -1000000; at most 1000000 | Which policy has ",
            made,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "| `resourceName` (required) | string |  | at most 308 characters | Cannot be changed. ",
            made,
            StringComparison.Ordinal
        );
        Assert.Contains("Refused with: kubernetes.io belongs to Kubernetes: use a domain of your own.", made, StringComparison.Ordinal);
        Assert.Contains("\n- cloud-hypervisor is given PCI and mediated devices alone: ", made, StringComparison.Ordinal);
        Assert.Contains("| [`selectors`](#specdevicespciselectors)", made, StringComparison.Ordinal);
        Assert.Contains("\n### `spec.devices.pci.selectors[]`\n", made, StringComparison.Ordinal);
    }
}
