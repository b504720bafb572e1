namespace Hostdev.Sandbox.Cluster;

/// <summary>A directory for sockets, whose paths have 107 bytes at most.</summary>
public static class SandboxDirectory
{
    /// <summary>A new one, empty, where temporary files go; below /tmp where that place's path is too long.</summary>
    public static string Create() =>
        Path.GetTempPath().Length > 40
            ? Directory.CreateDirectory("/tmp/hostdev-demo-" + Guid.NewGuid().ToString("N")[..8]).FullName
            : Directory.CreateTempSubdirectory("hostdev-demo-").FullName;
}
