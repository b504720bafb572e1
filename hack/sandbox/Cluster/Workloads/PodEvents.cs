using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Apply;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.Cluster.Workloads;

/// <summary>Events that the scheduler and kubelets write of Pods.</summary>
internal sealed class PodEvents(IClusterObjects objects, TimeProvider time)
{
    private int _written;

    /// <param name="component">Who writes: <c>default-scheduler</c>, <c>kubelet</c>.</param>
    public void Write(JsonObject pod, string type, string reason, string message, string component)
    {
        var (metadata, now) = (pod["metadata"]!, time.GetUtcNow());
        var (name, ns, at) = (metadata.Text("name"), metadata.Text("namespace"), ManagedFields.TimeText(now));
        objects.Create(
            new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Event",
                ["metadata"] = new JsonObject { ["name"] = $"{name}.{now.Ticks + _written++:x}", ["namespace"] = ns },
                ["involvedObject"] = new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "Pod",
                    ["name"] = name,
                    ["namespace"] = ns,
                    ["uid"] = metadata.Text("uid"),
                },
                ["type"] = type,
                ["reason"] = reason,
                ["message"] = message,
                ["source"] = new JsonObject { ["component"] = component },
                ["reportingComponent"] = component,
                ["firstTimestamp"] = at,
                ["lastTimestamp"] = at,
                ["count"] = 1,
            }
        );
    }
}
