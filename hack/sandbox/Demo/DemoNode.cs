using Hostdev.DevicePlugin.Agent;
using Hostdev.Sandbox.Cluster;

namespace Hostdev.Sandbox.Demo;

/// <summary>The demo's single machine: its agent follows a file in its directory.</summary>
internal sealed class DemoNode(int seed)
    : SandboxNode(DemoMachine.Boot(DemoMachine.WithVgpuCards(DemoMachine.Description), seed), SandboxDirectory.Create())
{
    public string DesiredFile => Path.Combine(Directory, "desired.yaml");

    public string StatusFile => Path.Combine(Directory, "status.yaml");

    /// <summary>Replaces the desired state as an admin does: a finished file is moved over the old one.</summary>
    public void Desire(string text)
    {
        File.WriteAllText(DesiredFile + ".new", text);
        File.Move(DesiredFile + ".new", DesiredFile, overwrite: true);
    }

    public void StartAgent() => StartAgent(new AgentOptions { DesiredFile = DesiredFile, StatusFile = StatusFile });
}
