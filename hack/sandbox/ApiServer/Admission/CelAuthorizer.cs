using Hostdev.Sandbox.ApiServer.Access;

namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>
/// <c>authorizer</c> of an API server's CEL (apiserver <c>pkg/cel/library/authz.go</c>), as far as it is asked here:
/// <c>authorizer.group('hostdev.io').resource('hostdevices').check('update').allowed()</c>, of whoever makes the request.
/// </summary>
/// <param name="Access">Null where everybody may do everything.</param>
internal sealed record CelAuthorizer(RoleBasedAccess? Access, ApiUser User)
{
    private string Group { get; init; } = "";

    private string Resource { get; init; } = "";

    private string Verb { get; init; } = "";

    public bool IsAllowed => Access?.Allows(new AccessQuestion(User, Verb, Group, Resource, "", "", "", "")) ?? true;

    public CelAuthorizer OfGroup(string group) => this with { Group = group };

    public CelAuthorizer OfResource(string resource) => this with { Resource = resource };

    public CelAuthorizer Check(string verb) => this with { Verb = verb };
}
