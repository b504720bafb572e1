using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Access;
using Hostdev.Sandbox.ApiServer.Resources;
using Hostdev.Sandbox.ApiServer.Schema;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Admission;

/// <summary>
/// Asks the admission policies that are stored (apiserver <c>plugin/policy/validating/dispatcher.go</c>). They are read again only when one
/// of them or of their bindings changes, and are in force at once.
/// </summary>
/// <param name="access">Null where everybody may do everything.</param>
internal sealed class AdmissionPolicies(ObjectStore store, ResourceRegistry registry, RoleBasedAccess? access)
{
    private readonly Lock _gate = new();
    private ImmutableArray<(AdmissionPolicy Policy, ImmutableArray<AdmissionBinding> Bindings)> _bound = [];
    private long _seen = -1;

    /// <summary>An <see cref="AdmissionRule"/>.</summary>
    public AdmissionRefusal? Ask(AdmissionRequest request)
    {
        if (request.Resource.Group == BuiltInResources.Policies.Group)
            return null; // who cannot be refused can be mended
        foreach (var (policy, bindings) in Bound())
        {
            if (policy.Constraints.Find(request, registry.All, Labels) is not { } shown)
                continue;
            if (bindings.FirstOrDefault(b => b.Resources.Find(request, registry.All, Labels) is not null) is not { } binding)
                continue;
            if (policy.Decide(request, shown, access) is { } decision)
                return Refusal(policy, binding, decision);
        }

        return null;
    }

    private static AdmissionRefusal Refusal(AdmissionPolicy policy, AdmissionBinding binding, AdmissionDecision decision)
    {
        var message = $"ValidatingAdmissionPolicy '{policy.Name}' with binding '{binding.Name}' denied request: {decision.Message}";
        return new AdmissionRefusal(message, decision.Code, decision.Reason) { Causes = [new FieldError("", "", message)] };
    }

    private FrozenDictionary<string, string> Labels(string ns) =>
        store.Get(BuiltInResources.Namespaces, "", ns)?.Labels ?? FrozenDictionary<string, string>.Empty;

    private IEnumerable<JsonObject> Stored(StorageKey key) => store.Current(key).Objects.Values.Select(o => o.Parse());

    private ImmutableArray<(AdmissionPolicy Policy, ImmutableArray<AdmissionBinding> Bindings)> Bound()
    {
        lock (_gate)
        {
            var last = Math.Max(store.LastChange(BuiltInResources.Policies), store.LastChange(BuiltInResources.PolicyBindings));
            if (last == _seen)
                return _bound;
            var bindings = Stored(BuiltInResources.PolicyBindings).Select(AdmissionBinding.Of).Where(b => b.Denies).ToLookup(b => b.Policy);
            var policies = Stored(BuiltInResources.Policies).Select(AdmissionPolicy.Of);
            _bound = [.. policies.Select(p => (p, bindings[p.Name].ToImmutableArray()))];
            _seen = last;
            return _bound;
        }
    }
}
