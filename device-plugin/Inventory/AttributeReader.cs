using System.Collections.Immutable;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning.Attributes;

namespace Hostdev.DevicePlugin.Inventory;

/// <summary>
/// Reads the files that policies have written, and what interfaces have for virtual functions, all of one interface at once. Drivers may
/// let a reader wait: one that does not answer costs a reading its patience once, and until it comes back it is not asked again. Not for
/// several threads at once.
/// </summary>
public sealed class AttributeReader(IHostCalls calls, TimeProvider time, TimeSpan? patience = null)
{
    private const string ThreadName = "attributes";
    private const string EachVf = "vf"; // no path of a file that is written
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(2);

    private readonly KernelCalls<AttributeFile> _calls = new(KernelThreads.Own, ThreadName, time);

    /// <summary>What each of them is and reads.</summary>
    public ImmutableDictionary<AttributeFile, AttributeReading> Read(ImmutableArray<AttributeFile> files)
    {
        if (files.IsEmpty)
            return ImmutableDictionary<AttributeFile, AttributeReading>.Empty;
        var series = new CallSeries<AttributeFile>(_calls, KernelThreads.Own, ThreadName, time, patience ?? DefaultPatience);
        ImmutableArray<AttributeFile> asked = [.. files.Select(Asked).Distinct()];
        var answers = series.MakeAll(asked, (file, _) => Look(file));
        var byAsked = asked.Zip(answers).ToDictionary(a => a.First, a => a.Second);
        return files.ToImmutableDictionary(f => f, f => Of(f, byAsked[Asked(f)]));
    }

    /// <summary>What is asked for it: of virtual functions the kernel tells all at once.</summary>
    private static AttributeFile Asked(AttributeFile file) => file.Vf is null ? file : file with { Name = EachVf };

    private Func<string, BelowLook> Look(AttributeFile asked)
    {
        if (asked.Name == EachVf)
            return calls.ReadVfs(asked.Device.ToString()).Of;
        var look = calls.ReadBelow(asked.Directory, asked.Name);
        return _ => look;
    }

    private static AttributeReading Of(AttributeFile file, KernelAnswer<Func<string, BelowLook>> answer) =>
        answer switch
        {
            KernelAnswer<Func<string, BelowLook>>.Returned it => Of(file, it.Value(file.Name)),
            KernelAnswer<Func<string, BelowLook>>.NotBegun it => new AttributeReading(null, $"was not read: {it.Why.InWords}"),
            _ => new AttributeReading(null, Words(file, Errno.ETIMEDOUT)),
        };

    private static string Words(AttributeFile file, Errno error) =>
        file.Vf is null ? AttributeErrors.OfRead(error) : VfErrors.OfRead(error);

    private static AttributeReading Of(AttributeFile file, BelowLook look) =>
        !look.Error.IsSuccess
            ? new AttributeReading(null, Words(file, look.Error))
            {
                IsAbsent = look.Error == Errno.ENOENT || look.Error == Errno.ENODEV || look.Error == Errno.ENOTDIR,
            }
        : !look.MayBeWritten ? new AttributeReading(null, AttributeErrors.ReadOnly)
        : !look.MayBeRead ? AttributeReading.WriteOnly
        : new AttributeReading(look.Text);
}
