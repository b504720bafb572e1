namespace Hostdev.Sandbox.Cluster;

/// <summary>The process ended where it stood.</summary>
internal sealed class AgentKilledException : Exception
{
    public AgentKilledException()
        : base("the agent's process was killed here") { }

    public AgentKilledException(string message)
        : base(message) { }

    public AgentKilledException(string message, Exception innerException)
        : base(message, innerException) { }
}
