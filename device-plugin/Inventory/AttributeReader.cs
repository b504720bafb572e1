using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Attributes;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads the files that policies have written, whose drivers may let a reader wait. One that does not answer costs a reading its patience
/// once: until it comes back it is not asked again. Not for several threads at once.
/// </summary>
public sealed class AttributeReader(IHostCalls calls, TimeProvider time, TimeSpan? patience = null)
{
    private const string ThreadName = "attributes";
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(2);

    private readonly KernelCalls<AttributeFile> _calls = new(KernelThreads.Own, ThreadName, time);

    /// <summary>What each of them is and reads.</summary>
    public ImmutableDictionary<AttributeFile, AttributeReading> Read(ImmutableArray<AttributeFile> files)
    {
        if (files.IsEmpty)
            return ImmutableDictionary<AttributeFile, AttributeReading>.Empty;
        var series = new CallSeries<AttributeFile>(_calls, KernelThreads.Own, ThreadName, time, patience ?? DefaultPatience);
        var answers = series.MakeAll(files, (file, _) => Of(calls.ReadBelow(file.Directory, file.Name)));
        return files.Zip(answers).ToImmutableDictionary(a => a.First, a => Of(a.Second));
    }

    private static AttributeReading Of(KernelAnswer<AttributeReading> answer) =>
        answer switch
        {
            KernelAnswer<AttributeReading>.Returned it => it.Value,
            KernelAnswer<AttributeReading>.NotBegun it => new AttributeReading(null, $"was not read: {it.Why.InWords}"),
            _ => new AttributeReading(null, AttributeErrors.OfRead(Errno.ETIMEDOUT)),
        };

    private static AttributeReading Of(BelowLook look) =>
        !look.Error.IsSuccess
            ? new AttributeReading(null, AttributeErrors.OfRead(look.Error))
            {
                IsAbsent = look.Error == Errno.ENOENT || look.Error == Errno.ENODEV || look.Error == Errno.ENOTDIR,
            }
        : !look.MayBeWritten ? new AttributeReading(null, AttributeErrors.ReadOnly)
        : !look.MayBeRead ? AttributeReading.WriteOnly
        : new AttributeReading(look.Text);
}
