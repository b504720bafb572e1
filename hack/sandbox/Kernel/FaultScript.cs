using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>Faults to come. Each counts the writes from when it was scripted, and strikes once.</summary>
public sealed class FaultScript
{
    private readonly KernelCore _core;
    private readonly List<Fault> _faults = [];
    private readonly Dictionary<string, Errno> _reads = [];

    internal FaultScript(KernelCore core) => _core = core;

    /// <summary>The <paramref name="nth"/> write (from 1) whose path contains <paramref name="path"/> fails with <paramref name="error"/>
    /// and does nothing.</summary>
    public void FailWrite(int nth, Errno error, string path = "") => Add(new Fault(nth, path) { Error = error });

    /// <summary>That write hangs until the handle says whether it takes effect.</summary>
    public HungWrite HangWrite(int nth, string path = "")
    {
        var hang = new HungWrite(_core);
        Add(new Fault(nth, path) { Hang = hang });
        return hang;
    }

    /// <summary>From now on reading a file whose path ends so fails; null ends that. Of files below a device's directory.</summary>
    public void FailReads(string pathEnd, Errno? error) =>
        _core.Locked(() =>
        {
            if (error is { } fails)
                _reads[pathEnd] = fails;
            else
                _reads.Remove(pathEnd);
        });

    /// <summary>Just before that write reaches the kernel, something happens: a device vanishes, a process opens a group.</summary>
    public void BeforeWrite(int nth, Action action, string path = "") => Add(new Fault(nth, path) { Before = action });

    /// <summary>Just after that write took effect.</summary>
    public void AfterWrite(int nth, Action action, string path = "") => Add(new Fault(nth, path) { After = action });

    /// <summary>
    /// From now on, over boots too, the driver of a physical function makes another number of VFs than is written to sriov_numvfs; null: as
    /// many as are written. QAT always makes all, bnxt_en what its rings allow, and the write succeeds.
    /// </summary>
    public void MakeOtherVfs(string address, Func<int, int>? makes) =>
        _core.Locked(() =>
        {
            if (makes is null)
                _core.VfsMade.Remove(Crds.PciAddress.Parse(address));
            else
                _core.VfsMade[Crds.PciAddress.Parse(address)] = makes;
        });

    /// <summary>
    /// Reading this file fails with EIO until the attribute changes or <see cref="MakeReadable"/>. The link is to a file of the real kernel
    /// that exists and fails to read at 0.
    /// </summary>
    public void MakeUnreadable(string path) => _core.Locked(() => _core.Tree.MakeUnreadable(path));

    public void MakeReadable(string path) => _core.Locked(() => _core.Tree.MakeReadable(path));

    /// <summary>
    /// Readers of this file block until <see cref="UnblockReads"/>, as readers of sriov_numvfs do while its lock is held.
    /// </summary>
    public void BlockReads(string path) => _core.Locked(() => _core.Tree.BlockReads(_core.Tree.Canonical(path) ?? path));

    public void UnblockReads(string path) => _core.Locked(() => _core.Tree.UnblockReads(_core.Tree.Canonical(path) ?? path));

    /// <summary>
    /// Called before every write with path and value, ahead of all faults, and after it. What they throw, the writer gets.
    /// </summary>
    public (Action<string, string> Before, Action<string, string> After)? EveryWrite { get; set; }

    /// <summary>What was scripted and has not struck yet never will.</summary>
    public void Clear() => _core.Locked(_faults.Clear);

    internal Errno OfRead(string path) =>
        _core.Locked(() => _reads.FirstOrDefault(r => path.EndsWith(r.Key, StringComparison.Ordinal)).Value);

    /// <summary>Runs one write past the script.</summary>
    internal Errno Run(string path, string value, Func<Errno> write)
    {
        EveryWrite?.Before(path, value);
        var result = RunFaults(path, write);
        EveryWrite?.After(path, value);
        return result;
    }

    private Errno RunFaults(string path, Func<Errno> write)
    {
        var due = Due(path);
        foreach (var fault in due)
            fault.Before?.Invoke();
        foreach (var fault in due)
        {
            if (fault.Error is { } error)
                return error;
            if (fault.Hang is { } hang && !hang.Wait())
                return hang.Error;
        }

        var result = write();
        foreach (var fault in due)
            fault.After?.Invoke();
        return result;
    }

    private void Add(Fault fault) => _core.Locked(() => _faults.Add(fault));

    private Fault[] Due(string path) =>
        _core.Locked(() =>
        {
            foreach (var fault in _faults.Where(fault => path.Contains(fault.Path, StringComparison.Ordinal)))
                fault.Left--;
            var due = _faults.Where(fault => fault.Left == 0).ToArray();
            _faults.RemoveAll(fault => fault.Left <= 0);
            return due;
        });

    private sealed class Fault(int nth, string path)
    {
        public string Path { get; } = path;

        public int Left { get; set; } = nth;

        public Errno? Error { get; init; }

        public HungWrite? Hang { get; init; }

        public Action? Before { get; init; }

        public Action? After { get; init; }
    }
}

/// <summary>A write that the script holds up.</summary>
public sealed class HungWrite
{
    private readonly KernelCore _core;
    private bool? _takesEffect;

    internal HungWrite(KernelCore core) => _core = core;

    /// <summary>Whether the write has come and waits.</summary>
    public bool IsHanging { get; private set; }

    internal Errno Error { get; private set; } = Errno.EIO;

    /// <summary>The write goes on as if nothing had been.</summary>
    public void Release() => _core.Locked(() => _takesEffect = true);

    /// <summary>The write returns an error and does nothing.</summary>
    public void Fail(Errno error) =>
        _core.Locked(() =>
        {
            Error = error;
            _takesEffect = false;
        });

    /// <summary>For tests: waits until the write hangs.</summary>
    public bool AwaitHanging(TimeSpan limit) => _core.Await(() => IsHanging, limit);

    internal bool Wait()
    {
        lock (_core.Gate)
        {
            IsHanging = true;
            var alive = _core.WaitUntil(() => _takesEffect is not null);
            IsHanging = false;
            return alive && _takesEffect == true;
        }
    }
}
