using System.Globalization;

namespace Hostdev.DevicePlugin.Host;

/// <summary>What became of a call to the kernel.</summary>
public abstract record KernelAnswer<T>
{
    private KernelAnswer() { }

    public sealed record Returned(T Value) : KernelAnswer<T>;

    /// <summary>It still runs, and cannot be cancelled: what it does may yet be done.</summary>
    public sealed record GivenUp(TimeSpan After) : KernelAnswer<T>;

    public sealed record NotBegun(CallObstacle Why) : KernelAnswer<T>;
}

/// <summary>Why a call to the kernel is not even begun.</summary>
public abstract record CallObstacle
{
    /// <summary>
    /// How many calls of one kind may hang: each keeps a thread. Cards have up to 256 functions behind one lock, and a container's limit of
    /// threads is seldom below a thousand.
    /// </summary>
    public const int MostHung = 256;

    private CallObstacle() { }

    /// <summary>The end of a sentence that says what is not done.</summary>
    public abstract string InWords { get; }

    /// <summary>The same was begun before, and has not come back.</summary>
    public sealed record Hangs(TimeSpan For) : CallObstacle
    {
        public override string InWords => "the kernel does not answer, and an earlier call for it still hangs";
    }

    /// <param name="Oldest">The one that has hung the longest, as words.</param>
    public sealed record TooMany(int Count, string Oldest, TimeSpan For) : CallObstacle
    {
        public override string InWords =>
            string.Create(
                CultureInfo.InvariantCulture,
                $"{Count} calls hang in the kernel, the first for {For.TotalSeconds:F0} s ({Oldest}), and no more are begun until some "
            ) + "come back: find who holds these devices, or reboot the host";
    }
}
