using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>A <c>ValidatingAdmissionPolicyBinding</c>: without one a policy is not asked.</summary>
/// <param name="Denies">What the policy has against a write refuses it. A real server also warns and audits; this one has neither.</param>
internal sealed record AdmissionBinding(string Name, string Policy, MatchResources Resources, bool Denies)
{
    public static AdmissionBinding Of(JsonObject json)
    {
        var spec = json.Object("spec");
        return new AdmissionBinding(
            json["metadata"].Text("name"),
            spec.Text("policyName"),
            MatchResources.Of(spec.Object("matchResources")),
            spec.Texts("validationActions").Contains("Deny")
        );
    }
}
