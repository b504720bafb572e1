namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Runs the agent's program on a simulated machine: it sees the machine's tree as /sys by a mount namespace of its own. So it is the
/// shipped program, doing all that it does but writing to a kernel. Needs root.
/// </summary>
internal static class OwnMachine
{
    private const string VfioDirectory = "/dev/vfio";

    // The agent works only where it sees the host's processes and network, by process 2 and by process 1; a container or a shell of
    // another namespace does not. So it is process 1 of a namespace whose process 2 has the right name. The namespaces' own mounts end
    // with their last process.
    private const string Enter = """
        "$0/kthreadd" infinity &
        mount -t proc proc /proc &&
        mount --bind "$0/proc/interrupts" /proc/interrupts &&
        mount --bind "$0/sys" /sys &&
        mount --bind "$0/dev/vfio" /dev/vfio &&
        exec "$@"
        """;

    /// <summary>The program to start, which forks the agent.</summary>
    public const string Program = "unshare";

    /// <summary>
    /// Its arguments. A kubelet of this process is in a PID namespace that the agent does not see: --hidden-kubelet is among them.
    /// </summary>
    public static string[] Arguments(SimulatedKernel kernel, string agent, params ReadOnlySpan<string> arguments)
    {
        var thread = Path.Combine(kernel.Paths.Root, "kthreadd");
        if (!File.Exists(thread))
            File.Copy("/bin/sleep", thread);
        return
        [
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--propagation",
            "private",
            "sh",
            "-c",
            Enter,
            kernel.Paths.Root,
            Path.GetFullPath(agent),
            "run",
            "--hidden-kubelet",
            .. arguments,
        ];
    }

    /// <summary>Makes the place where the machine's vfio nodes are mounted. Disposed of, it goes where it was not there before.</summary>
    public static IDisposable MakeRoom() => new Room();

    private sealed class Room : IDisposable
    {
        private readonly bool _made = !Directory.Exists(VfioDirectory);

        public Room() => Directory.CreateDirectory(VfioDirectory);

        public void Dispose()
        {
            if (_made)
                Directory.Delete(VfioDirectory);
        }
    }
}
