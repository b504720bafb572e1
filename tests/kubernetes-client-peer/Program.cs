using k8s;

namespace Hostdev.KubernetesClientPeer;

/// <summary>
/// <c>kubernetes-client-peer KUBECONFIG</c>: the plain KubernetesClient against an API server that it takes for a real one. It prints a
/// line for each thing that it tried, with what came of it, and knows nothing of this repository: the tests start it and read what it says.
/// </summary>
internal static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args is not [var kubeconfig])
        {
            await Console.Error.WriteLineAsync("kubernetes-client-peer KUBECONFIG");
            return 2;
        }

        using var client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig));
        var failures = 0;
        foreach (var (name, attempt) in TypedCalls.All(client).Concat(CustomCalls.All(client)).Concat(WatchCalls.All(client)))
        {
            string said;
            try
            {
                said = await attempt().WaitAsync(TimeSpan.FromSeconds(60));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failures++;
                said = $"FAILED: {(e as k8s.Autorest.HttpOperationException)?.Response.Content ?? e.ToString()}";
            }

            Console.WriteLine($"{name}: {said.ReplaceLineEndings(" ")}");
        }

        return failures == 0 ? 0 : 1;
    }
}
