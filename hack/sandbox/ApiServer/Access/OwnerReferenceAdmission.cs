using System.Text.Json.Nodes;

namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>
/// Whoever sets an owner lets the garbage collector delete, and must be allowed to delete: the admission plugin
/// OwnerReferencesPermissionEnforcement (apiserver <c>plugin/pkg/admission/gc/gc_admission.go</c>), which OpenShift has on. Clusters
/// without it are content with less.
/// </summary>
internal static class OwnerReferenceAdmission
{
    public static AdmissionRule Rule(RoleBasedAccess access) =>
        request =>
        {
            if (request.Operation == "DELETE" || request.Subresource.Length > 0)
                return null;
            if (JsonNode.DeepEquals(Owners(request.Object), Owners(request.OldObject)))
                return null;
            var (group, plural) = (request.Resource.Group, request.Resource.Plural);
            var delete = new AccessQuestion(request.User, "delete", group, plural, "", request.Namespace, request.Name, "");
            return access.Allows(delete)
                ? null
                : new AdmissionRefusal("cannot set an ownerRef on a resource you can't delete: , <nil>", 403, "Forbidden");
        };

    private static JsonNode? Owners(JsonObject? json) =>
        json?["metadata"]?["ownerReferences"] is JsonArray { Count: > 0 } owners ? owners : null;
}
