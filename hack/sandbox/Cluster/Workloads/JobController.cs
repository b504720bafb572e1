using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Apply;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>
/// Jobs of one Pod at a time (pkg/controller/job): a Pod that fails is followed by another one, later and later, until there were more than
/// <c>backoffLimit</c>. The first wait is a second, not ten.
/// </summary>
internal sealed class JobController(IClusterObjects objects, TimeProvider time)
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(6);

    private readonly Dictionary<string, DateTimeOffset> _next = [];

    public void Reconcile()
    {
        foreach (var job in objects.List("jobs.batch").Where(j => !PodTemplate.IsDeleting(j)))
        {
            if (Finished(job) is { } finished)
                Expire(job, finished);
            else
                Run(job);
        }
    }

    private void Run(JsonObject job)
    {
        var (ns, name, uid) = (job["metadata"].Text("namespace"), job["metadata"].Text("name"), job["metadata"].Text("uid"));
        var pods = objects.List("pods", ns).Where(p => PodTemplate.IsOwnedBy(p, job)).ToImmutableArray();
        var failed = pods.Count(p => p.Object("status").Text("phase") == "Failed");
        var succeeded = pods.Count(p => p.Object("status").Text("phase") == "Succeeded");
        var active = pods.Length - failed - succeeded;
        var now = time.GetUtcNow();
        if (succeeded > 0)
            End(job, succeeded, failed, "Complete", "CompletionsReached", "Reached expected number of succeeded pods");
        else if (Deadline(job) is { } deadline && now >= deadline)
        {
            End(job, succeeded, failed, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline");
        }
        else if (failed > (job["spec"]!["backoffLimit"]?.GetValue<int>() ?? 6))
        {
            End(job, succeeded, failed, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }
        else
        {
            if (active == 0 && IsDue(uid, failed, now) && HasAccount(job))
            {
                objects.Create(PodTemplate.Pod(job, job["spec"]!["template"]!.AsObject(), $"{name}-{PodTemplate.Suffix()}"));
                active = 1;
            }

            Report(job, active, succeeded, failed, []);
        }
    }

    /// <summary>
    /// Admission refuses a Pod whose account is not there (plugin/pkg/admission/serviceaccount), and the controller tries again.
    /// </summary>
    private bool HasAccount(JsonObject job)
    {
        var account = job["spec"]!["template"]!["spec"].Text("serviceAccountName");
        return account is "" or "default" || objects.Get("serviceaccounts", account, job["metadata"].Text("namespace")) is not null;
    }

    private bool IsDue(string uid, int failed, DateTimeOffset now)
    {
        if (failed == 0)
            return true;
        var wait = TimeSpan.FromTicks(Math.Min(s_longestWait.Ticks, s_firstWait.Ticks << Math.Min(failed - 1, 20)));
        if (!_next.TryGetValue($"{uid}/{failed}", out var due))
            _next[$"{uid}/{failed}"] = due = now + wait;
        return now >= due;
    }

    private void End(JsonObject job, int succeeded, int failed, string type, string reason, string message)
    {
        var now = ManagedFields.TimeText(time.GetUtcNow());
        string[] types = type == "Complete" ? ["SuccessCriteriaMet", "Complete"] : ["FailureTarget", "Failed"];
        Report(
            job,
            0,
            succeeded,
            failed,
            [
                .. types.Select(t => new JsonObject
                {
                    ["type"] = t,
                    ["status"] = "True",
                    ["reason"] = reason,
                    ["message"] = message,
                    ["lastProbeTime"] = now,
                    ["lastTransitionTime"] = now,
                }),
            ]
        );
        var ns = job["metadata"].Text("namespace");
        foreach (var pod in objects.List("pods", ns).Where(p => PodTemplate.IsOwnedBy(p, job)))
        {
            var isOver = pod.Object("status").Text("phase") is "Succeeded" or "Failed";
            if (!isOver)
                objects.Delete("pods", pod["metadata"].Text("name"), ns);
        }
    }

    private void Report(JsonObject job, int active, int succeeded, int failed, ImmutableArray<JsonObject> conditions)
    {
        var now = ManagedFields.TimeText(time.GetUtcNow());
        objects.Change(
            "jobs.batch",
            job["metadata"].Text("name"),
            j =>
            {
                var status = j.Ensure("status");
                if (status["startTime"] is null)
                    status["startTime"] = now;
                Count(status, "active", active);
                Count(status, "succeeded", succeeded);
                Count(status, "failed", failed);
                status["ready"] = active;
                if (conditions.IsEmpty)
                    return;
                status["conditions"] = new JsonArray([.. conditions]);
                if (conditions[^1].Text("type") == "Complete")
                    status["completionTime"] = now;
            },
            job["metadata"].Text("namespace"),
            "status",
            "kube-controller-manager"
        );
    }

    private static void Count(JsonObject status, string field, int count)
    {
        if (count > 0)
            status[field] = count;
        else
            status.Remove(field);
    }

    /// <summary>Deletes a Job whose time after its end is up.</summary>
    private void Expire(JsonObject job, DateTimeOffset finished)
    {
        var uid = job["metadata"].Text("uid");
        foreach (var key in _next.Keys.Where(k => k.StartsWith(uid, StringComparison.Ordinal)).ToList())
            _next.Remove(key);
        if (job["spec"]!["ttlSecondsAfterFinished"]?.GetValue<long>() is { } seconds && time.GetUtcNow() >= finished.AddSeconds(seconds))
        {
            objects.Delete("jobs.batch", job["metadata"].Text("name"), job["metadata"].Text("namespace"));
        }
    }

    private static DateTimeOffset? Finished(JsonObject job)
    {
        var held = job.Object("status").Objects("conditions").Where(c => c.Text("status") == "True");
        return held.FirstOrDefault(c => c.Text("type") is "Complete" or "Failed") is { } end ? Time(end.Text("lastTransitionTime")) : null;
    }

    private static DateTimeOffset? Deadline(JsonObject job)
    {
        if (job["spec"]!["activeDeadlineSeconds"]?.GetValue<long>() is not { } seconds)
            return null;
        return job.Object("status").Text("startTime") is { Length: > 0 } start ? Time(start).AddSeconds(seconds) : null;
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
