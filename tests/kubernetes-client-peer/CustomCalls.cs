using System.Text.Json;
using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace Hostdev.KubernetesClientPeer;

/// <summary>A policy, as somebody writes it down who has the CRD alone.</summary>
internal sealed class HostDevice : IKubernetesObject<V1ObjectMeta>
{
    [JsonPropertyName("apiVersion")]
    public string ApiVersion { get; set; } = "hostdev.io/v1alpha1";

    [JsonPropertyName("kind")]
    public string Kind { get; set; } = "HostDevice";

    [JsonPropertyName("metadata")]
    public V1ObjectMeta Metadata { get; set; } = new();

    [JsonPropertyName("spec")]
    public JsonElement Spec { get; set; }
}

/// <summary>Items of a list.</summary>
internal sealed class HostDeviceList : IKubernetesObject<V1ListMeta>, IItems<HostDevice>
{
    [JsonPropertyName("apiVersion")]
    public string ApiVersion { get; set; } = "hostdev.io/v1alpha1";

    [JsonPropertyName("kind")]
    public string Kind { get; set; } = "HostDeviceList";

    [JsonPropertyName("metadata")]
    public V1ListMeta Metadata { get; set; } = new();

    [JsonPropertyName("items")]
    public IList<HostDevice> Items { get; set; } = [];
}

/// <summary>The library's GenericClient on a kind of a CRD.</summary>
internal static class CustomCalls
{
    public static IEnumerable<(string Name, Func<Task<string>> Attempt)> All(Kubernetes client) =>
        [("generic", () => GenericAsync(client)), ("refused", () => RefusedAsync(client))];

    public static HostDevice Policy(string name, string vendor = "10de")
    {
        var spec = new
        {
            resourceName = $"example.com/{name}",
            nodeSelector = new { },
            devices = new { pci = new { selectors = new[] { new { vendor } } } },
        };
        return new HostDevice
        {
            Metadata = new V1ObjectMeta { Name = name },
            Spec = JsonSerializer.SerializeToElement(spec),
        };
    }

    private static async Task<string> GenericAsync(Kubernetes client)
    {
        using var policies = new GenericClient(client, "hostdev.io", "v1alpha1", "hostdevices", disposeClient: false);
        var made = await policies.CreateAsync(Policy("gpu"));
        made.Metadata.Labels = new Dictionary<string, string> { ["a"] = "b" };
        await policies.ReplaceAsync(made, "gpu");
        await policies.PatchAsync<HostDevice>(new V1Patch("""{"spec":{"priority":7}}""", V1Patch.PatchType.MergePatch), "gpu");
        var read = await policies.ReadAsync<HostDevice>("gpu");
        var listed = await policies.ListAsync<HostDeviceList>();
        await policies.DeleteAsync<V1Status>("gpu");
        var priority = read.Spec.GetProperty("priority");
        return $"{listed.Items.Count} {read.Metadata.Labels["a"]} priority {priority} generation {read.Metadata.Generation}";
    }

    private static async Task<string> RefusedAsync(Kubernetes client)
    {
        using var policies = new GenericClient(client, "hostdev.io", "v1alpha1", "hostdevices", disposeClient: false);
        try
        {
            await policies.CreateAsync(Policy("wrong", "nvidia"));
            return "it was taken";
        }
        catch (k8s.Autorest.HttpOperationException e)
        {
            var status = KubernetesJson.Deserialize<V1Status>(e.Response.Content);
            return $"{(int)e.Response.StatusCode} {status.Reason} at {status.Details.Causes[0].Field}";
        }
    }
}
