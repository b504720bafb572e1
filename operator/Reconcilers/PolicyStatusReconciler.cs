using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.Kube.Client;
using Hostdev.Kube.Control;
using Hostdev.Kube.Meta;
using Hostdev.Projection;

namespace Hostdev.Operator.Reconcilers;

/// <summary>Brings one policy's status to what its nodes say: only when it differs, and not more often than once in an interval.</summary>
internal sealed class PolicyStatusReconciler(
    KubeClient client,
    ClusterStores stores,
    Func<PolicyKey, PolicyStatus?> rollup,
    EventRecorder events,
    OperatorTimings timings,
    TimeProvider time
)
{
    private static readonly WriteOptions Write = new()
    {
        FieldManager = OperatorOptions.FieldManager,
        Force = true,
        Subresource = "status",
    };

    private readonly ConcurrentDictionary<PolicyKey, long> _written = new();

    public async Task<ReconcileResult> ReconcileAsync(PolicyKey key, CancellationToken cancellationToken)
    {
        if (stores.Policy(key) is not { } policy || rollup(key) is not { } status)
        {
            _written.TryRemove(key, out _);
            return ReconcileResult.Done;
        }

        if (!Differs(policy, status))
            return ReconcileResult.Done;
        if (
            _written.TryGetValue(key, out var last)
            && timings.StatusInterval - time.GetElapsedTime(last) is { } wait
            && wait > TimeSpan.Zero
        )
            return ReconcileResult.RequeueAfter(wait);
        var stored = stores.StoredVersion(key);
        var kind = PolicyKinds.Of(key.Kind).Resource;
        var body = new JsonObject
        {
            ["apiVersion"] = kind.ApiVersion,
            ["kind"] = kind.Kind,
            // of this object: another one of that name has another story
            ["metadata"] = new JsonObject { ["name"] = key.Name, ["uid"] = policy.Metadata.Uid },
            ["status"] = PolicyStatusWriter.ToJson(status),
        };
        stores.WrittenPolicies.Add(
            await client
                .ApplyAsync(PolicyKinds.Of(key.Kind), new ObjectKey(key.Name), body, Write, cancellationToken)
                .ConfigureAwait(false),
            stored
        );
        // Only once it is written: a write that failed comes again by its own backoff, and waits for no interval.
        _written[key] = time.GetTimestamp();
        // Only of what stands in the API now: whoever leads next compares with that, and tells nothing twice.
        foreach (var (type, reason, note) in PolicyTransitions.Of(policy.Status, status))
        {
            events.Record(ObjectReference.To(kind, policy.Metadata), type, reason.Name, "Reconcile", note);
        }
        return ReconcileResult.Done;
    }

    /// <summary>Equal for statuses that say the same: the times of conditions that turn are those of the look.</summary>
    public static string Want(PolicyStatus status) =>
        PolicyStatusWriter
            .ToJson(status with { Conditions = [.. status.Conditions.Select(c => c with { LastTransitionTime = default })] })
            .ToJsonString();

    public static bool Differs(PolicyObject policy, PolicyStatus status) =>
        policy.Status is null || !JsonNode.DeepEquals(PolicyStatusWriter.ToJson(policy.Status), PolicyStatusWriter.ToJson(status));
}
