using System.Text;
using System.Text.Json.Nodes;
using Hostdev.Sandbox.ApiServer.Storage;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>
/// Answers <c>GET .../pods/NAME/log</c> (pkg/registry/core/pod/rest/log.go), with <c>follow</c> until the container has ended.
/// </summary>
internal sealed class PodLogRequests(ObjectStore store, PodLogs logs, TimeProvider time)
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    public async Task AnswerAsync(ApiExchange exchange, ServedResource resource, RequestInfo info)
    {
        var stored =
            store.Get(resource.Storage, info.Namespace, info.Name) ?? throw new ApiStatusException(ApiStatus.NotFound(resource, info.Name));
        var (uid, pod) = (stored.Uid, stored.Parse());
        var containers = pod.Object("spec").Objects("containers").Select(c => c.Text("name")).ToList();
        var container = exchange.Query["container"].ToString() is { Length: > 0 } asked ? asked : containers.FirstOrDefault() ?? "";
        if (!containers.Contains(container))
            throw Bad($"container {container} is not valid for pod {info.Name}");
        if (RequestInfo.IsTrue(exchange.Query["previous"])) // containers have one life here, as most have
            throw Bad($"previous terminated container \"{container}\" in pod \"{info.Name}\" not found");
        var text = logs.Read(uid) ?? throw Bad($"container \"{container}\" in pod \"{info.Name}\" is waiting to start: {Waiting(pod)}");
        exchange.Begin(200, "text/plain");
        var written = await WriteAsync(exchange, text, Start(text, exchange.Query["tailLines"].ToString()));
        while (RequestInfo.IsTrue(exchange.Query["follow"]))
        {
            if (store.Get(resource.Storage, info.Namespace, info.Name) is not { } now || now.Uid != uid)
                break;
            var over = now.Parse().Object("status").Text("phase") is "Succeeded" or "Failed";
            if (logs.Read(uid) is { } more)
                written = await WriteAsync(exchange, more, written);
            if (over)
                break;
            await Task.Delay(s_look, time, exchange.Ended);
        }
    }

    /// <returns>How much of the log the client has.</returns>
    private static async Task<int> WriteAsync(ApiExchange exchange, string text, int from)
    {
        await exchange.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text[Math.Min(from, text.Length)..]), exchange.Ended);
        await exchange.Response.Body.FlushAsync(exchange.Ended);
        return text.Length;
    }

    private static int Start(string text, string tail)
    {
        if (tail.Length == 0)
            return 0;
        var lines = ObjectLists.Number("tailLines", tail);
        var at = text.EndsWith('\n') ? text.Length - 1 : text.Length;
        for (; lines > 0 && at >= 0; lines--)
            at = at == 0 ? -1 : text.LastIndexOf('\n', at - 1);
        return at < 0 ? 0 : Math.Min(at + 1, text.Length);
    }

    private static string Waiting(JsonObject pod)
    {
        var reasons = pod.Object("status").Objects("containerStatuses").Select(c => c.Object("state").Object("waiting").Text("reason"));
        return reasons.FirstOrDefault(r => r.Length > 0) ?? "ContainerCreating";
    }

    private static ApiStatusException Bad(string message) => new(ApiStatus.BadRequest(message));
}
