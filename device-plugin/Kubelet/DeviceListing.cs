using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// What the kubelet is told about one resource, over all sessions with it: the facts, the list they give, and what of it was sent.
/// Decisions are <see cref="AdvertisedListPolicy"/>'s and <see cref="RefusalLedger"/>'s; this class holds their state under one lock.
/// </summary>
internal sealed class DeviceListing(ResourceName resource, AdvertisedListPolicy policy, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _inFlight = new(StringComparer.Ordinal);
    private AdvertisedListFacts _facts = new();
    private RefusalLedger _refusals = RefusalLedger.Empty;
    private AdvertisedList _list = AdvertisedList.Empty;
    private ImmutableDictionary<string, bool>? _sentHere;
    private long _version = 1;
    private long _urgent;
    private long _sentVersion;
    private bool _silent;

    /// <summary>Fires at every change of the list, of what was sent, and of the refusals.</summary>
    public Signal Changed { get; } = new();

    public (AdvertisedList List, long Version, long Urgent) Current
    {
        get
        {
            lock (_gate)
                return (_list, _version, _urgent);
        }
    }

    /// <summary>The version of the last list written in this session.</summary>
    public long SentVersion
    {
        get
        {
            lock (_gate)
                return _sentVersion;
        }
    }

    /// <summary>True while nothing is sent: the name is left to another plugin, whose list a message of ours would replace.</summary>
    public bool Silent
    {
        get
        {
            lock (_gate)
                return _silent;
        }
        set
        {
            if (value != Silent)
                Change(() => _silent = value);
        }
    }

    public RefusalLedger Refusals
    {
        get
        {
            lock (_gate)
                return _refusals;
        }
    }

    /// <summary>True when nothing is listed, nothing is left to send, and nobody holds anything.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_gate)
                return _list.Devices.IsEmpty && _facts.Sent.IsEmpty && _inFlight.Count == 0;
        }
    }

    /// <summary>True while some ID waits for a report of what is held: for leaving, or to show the holder of an answer.</summary>
    public bool NeedsHeldReport
    {
        get
        {
            lock (_gate)
                return !_list.Leaving.IsEmpty || !_facts.AnsweredAt.IsEmpty || !_facts.Held.IsEmpty;
        }
    }

    /// <summary>Whether the ID is one of ours: wanted, held or sent.</summary>
    public bool Knows(string id)
    {
        lock (_gate)
            return _facts.Wanted.Any(d => d.Id == id) || _facts.Sent.Any(s => s.Device.Id == id) || _facts.Held.Contains(id);
    }

    public void Want(ImmutableArray<AdvertisedDevice> devices) => Change(() => _facts = _facts with { Wanted = devices });

    public void Hold(ImmutableHashSet<string> held, DateTimeOffset asOf) =>
        Change(() =>
            _facts = _facts with
            {
                Held = held,
                HeldAsOf = asOf,
                AnsweredAt = _facts.AnsweredAt.RemoveRange(
                    _facts.AnsweredAt.Where(a => held.Contains(a.Key) || asOf >= a.Value + policy.Visible).Select(a => a.Key)
                ),
            }
        );

    /// <summary>A new kubelet, or a new connection to it, has been told nothing.</summary>
    public void BeginSession()
    {
        lock (_gate)
            (_sentHere, _sentVersion) = (null, 0);
    }

    /// <summary>
    /// From here on Allocate goes by this list: the kubelet may read it, and ask for a device of it, before the write returns to us.
    /// </summary>
    public void MarkSending(AdvertisedList list)
    {
        lock (_gate)
            _sentHere = list.Devices.ToImmutableDictionary(d => d.Id, d => d.Healthy, StringComparer.Ordinal);
    }

    /// <summary>The list was written. What became Unhealthy by it may leave after a while; refusals wait for this.</summary>
    public void MarkSent(AdvertisedList list, long version) =>
        Change(() =>
        {
            _facts = _facts with { Sent = AdvertisedListPolicy.AfterSending(list.Devices, _facts.Sent, time.GetUtcNow()) };
            _sentVersion = version;
        });

    /// <summary>
    /// Admits an Allocate and keeps its IDs listed until <see cref="EndAllocate"/>; otherwise says why the IDs cannot be handed out, and
    /// nothing needs to be ended.
    /// </summary>
    public Refusal? BeginAllocate(ImmutableArray<string> ids)
    {
        lock (_gate)
        {
            if (ids.Select(Problem).FirstOrDefault(p => p is not null) is { } refusal)
                return refusal;
            foreach (var id in ids)
                _inFlight[id] = _inFlight.GetValueOrDefault(id) + 1;
            Recompute();
            return null;
        }
    }

    public void EndAllocate(ImmutableArray<string> ids, bool granted)
    {
        lock (_gate)
        {
            var before = Seen();
            foreach (var id in ids)
            {
                if (--_inFlight[id] == 0)
                    _inFlight.Remove(id);
            }

            if (granted)
            {
                var now = time.GetUtcNow();
                _facts = _facts with { AnsweredAt = _facts.AnsweredAt.SetItems(ids.Select(id => KeyValuePair.Create(id, now))) };
                _refusals = _refusals.Grant(ids);
            }

            Recompute();
            // An answer that changes nothing that anybody waits for wakes nobody: three loops would look, for each call, and find nothing.
            if (Seen() == before)
                return;
        }

        Changed.Fire();

        (long, ImmutableDictionary<string, RefusedDevice>, int, bool) Seen() =>
            (_version, _refusals.Entries, _list.Leaving.Length, IsEmpty);
    }

    /// <summary>
    /// Shows the IDs Unhealthy; returns the version of the list that does. It is sent without waiting for others to join.
    /// </summary>
    public long Refuse(ImmutableArray<string> ids, Reason reason, string message)
    {
        Change(() =>
        {
            foreach (var id in ids)
                _refusals = _refusals.Refuse(id, reason, message, time.GetUtcNow());
        });
        lock (_gate)
            return _urgent = _version;
    }

    /// <summary>Makes the list due to be sent though it did not change.</summary>
    public void SendAgain() => Change(() => _version++);

    public void Pass(string id) => Change(() => _refusals = _refusals.Pass(id, time.GetUtcNow()));

    private Refusal? Problem(string id)
    {
        if (_sentHere is null || !_sentHere.TryGetValue(id, out var sentHealthy))
            return new Refusal(
                Reasons.DeviceNotListed,
                $"{id} is not in the last list of {resource} that the kubelet was sent, so it is not handed out",
                [id]
            );
        var device = _list.Devices.FirstOrDefault(d => d.Id == id);
        if (sentHealthy && device is { Healthy: true })
            return null;
        return _refusals.Entries.TryGetValue(id, out var refused) && refused.Shown
            ? new Refusal(refused.Reason, refused.Message, [id])
            : new Refusal(
                Reasons.DeviceUnhealthy,
                $"{id} of {resource} is being withdrawn or has a problem, which the status of this node names; it is not handed out",
                [id]
            );
    }

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            Recompute();
        }

        Changed.Fire();
    }

    private void Recompute()
    {
        _facts = _facts with { Refused = _refusals.Shown, InFlight = [.. _inFlight.Keys] };
        var next = policy.Next(_facts);
        if (!next.Devices.SequenceEqual(_list.Devices))
            _version++;
        _list = next;
    }
}
