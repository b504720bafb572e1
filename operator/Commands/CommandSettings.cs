using System.CommandLine;
using Hostdev.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Hostdev.Operator.Commands;

/// <summary>What all commands of the operator have in common.</summary>
internal static class CommandSettings
{
    public static string Version => typeof(CommandSettings).Assembly.GetName().Version?.ToString(3) ?? "0";

    public static Option<string> Kubeconfig() =>
        new("--kubeconfig") { Description = "How to reach the API server from outside a Pod; inside one its service account is used." };

    public static Option<string> Namespace() =>
        new("--namespace")
        {
            Description =
                "Where the operator and the agents' Pods live. By default POD_NAMESPACE, else that of the service "
                + "account or of the kubeconfig's context.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("POD_NAMESPACE") ?? "",
        };

    public static Option<string> AgentSelector() =>
        new("--agent-selector")
        {
            Description = "Which Pods of the namespace are agents.",
            DefaultValueFactory = _ => OperatorOptions.DefaultAgentSelector,
        };

    /// <exception cref="KubeConfigurationException">There is no way to the API server.</exception>
    public static KubeClient Connect(string? kubeconfig, ILoggerFactory loggers, KubeClientOptions? options = null) =>
        new(
            KubeConfiguration.Find(kubeconfig, null, TimeProvider.System, Environment.GetEnvironmentVariable),
            $"hostdev-operator/{Version}",
            TimeProvider.System,
            loggers.CreateLogger<KubeClient>(),
            options
        );

    /// <summary>The agents' Pods.</summary>
    /// <param name="ns">As it was given; empty for the client's own.</param>
    public static Selection Agents(KubeClient client, string? ns, string? selector) =>
        new() { Namespace = ns is { Length: > 0 } ? ns : client.Configuration.Namespace, Labels = selector };

    /// <summary>A server that is away, restarting or busy, and not one that refuses.</summary>
    public static bool IsPassing(Exception e) =>
        e
            is KubeTransportException
                or KubeProtocolException
                or KubeApiException { IsServerError: true }
                or KubeApiException { IsTooManyRequests: true }
                or KubeApiException { IsConflict: true };

    /// <summary>What an API server or its absence may answer to a command: said in a sentence, with exit code 1.</summary>
    public static bool IsExpected(Exception e) =>
        e is KubeApiException or KubeTransportException or KubeProtocolException or KubeConfigurationException;

    /// <summary>
    /// The exit code of a command that asks the API server; 1 with a sentence on the error output where its answer, or whoever stopped the
    /// command (Ctrl-C, SIGTERM), is why it ended.
    /// </summary>
    /// <param name="stopped">What is so when it is stopped, and what to do then.</param>
    /// <param name="cancellationToken">The command's own.</param>
    public static async Task<int> RunAsync(TextWriter error, string stopped, Func<Task<int>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (Exception e) when (IsExpected(e))
        {
            return await FailAsync(e, error).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return await FailAsync($"stopped: {stopped}", error).ConfigureAwait(false);
        }
    }

    /// <param name="error">By default the process's.</param>
    public static Task<int> FailAsync(Exception expected, TextWriter? error = null) =>
        FailAsync(
            expected is KubeApiException { IsNotServed: true }
                ? "the API server does not know Hostdev's kinds: apply the CRDs first, or name another cluster with --kubeconfig"
                : expected.Message,
            error
        );

    /// <param name="error">By default the process's.</param>
    public static async Task<int> FailAsync(string message, TextWriter? error = null)
    {
        await (error ?? Console.Error).WriteLineAsync($"hostdev-operator: {message}").ConfigureAwait(false);
        return 1;
    }
}
