using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// What the kubelet is told about one resource, over all sessions with it: what is wanted and refused, the list that gives, and what of it
/// was sent. Decisions are <see cref="AdvertisedListPolicy"/>'s and <see cref="RefusalLedger"/>'s; this class holds their state under one
/// lock. Who has what is asked of <see cref="Holdings"/>, each time.
/// </summary>
internal sealed class DeviceListing(
    ResourceName resource,
    Holdings holdings,
    ListedDevices listed,
    AdvertisedListPolicy policy,
    TimeProvider time
)
{
    private readonly Lock _gate = new();
    private ImmutableArray<AdvertisedDevice> _wanted = [];
    private ImmutableArray<SentDevice> _sent = []; // by any session
    private RefusalLedger _refusals = RefusalLedger.Empty;
    private AdvertisedList _list = AdvertisedList.Empty;
    private ImmutableDictionary<string, bool>? _sentHere;
    private long _version = 1;
    private long _urgent;
    private long _sentVersion;
    private bool _silent;
    private bool _claimed;

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
                return _list.Devices.IsEmpty && _sent.IsEmpty && holdings.BeingAnswered(resource).IsEmpty;
        }
    }

    /// <summary>True while some ID waits for a look at who has what: for leaving, or to show the holder of an answer.</summary>
    public bool WaitsForLook
    {
        get
        {
            lock (_gate)
                return !_list.Leaving.IsEmpty || !holdings.HeldOf(resource).IsEmpty;
        }
    }

    /// <summary>Whether the ID is one of ours: wanted, held or sent.</summary>
    public bool Knows(string id)
    {
        lock (_gate)
            return _wanted.Any(d => d.Id == id) || _sent.Any(s => s.Device.Id == id) || holdings.IsHeld(resource, id);
    }

    /// <summary>Whether the ID was ever listed under this name by us, or is out by our own answer.</summary>
    public bool IsOurs(string id) => listed.Has(resource, id) || holdings.IsHeld(resource, id);

    /// <summary>What is offered now; and who has what was looked at.</summary>
    public void Want(ImmutableArray<AdvertisedDevice> devices) =>
        Change(() =>
        {
            _wanted = devices;
            try
            {
                if (_claimed && !_silent)
                    Note();
            }
            catch (IOException)
            {
                // They are not listed: the next claim tells why.
            }
        });

    /// <summary>True while something that is wanted may not be listed, since it could not be noted as ours yet.</summary>
    public bool WaitsForClaim
    {
        get
        {
            lock (_gate)
                return _claimed && !_silent && !_wanted.All(IsNoted);
        }
    }

    /// <summary>
    /// The name is ours: from here on only what is on disk as ours is listed, and what is wanted is put there. Idempotent.
    /// </summary>
    /// <exception cref="IOException">It cannot be; then nothing more is listed than before.</exception>
    public void Claim()
    {
        lock (_gate)
        {
            Note();
            var before = _version;
            _claimed = true;
            Recompute();
            if (_version == before)
                return;
        }

        Changed.Fire();
    }

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
            _sent = AdvertisedListPolicy.AfterSending(list.Devices, _sent, time.GetUtcNow());
            _sentVersion = version;
        });

    /// <summary>
    /// Admits an Allocate and keeps its IDs listed until <see cref="EndAllocate"/>; null with why the IDs cannot be handed out.
    /// </summary>
    public Holdings.Answer? BeginAllocate(ImmutableArray<string> ids, out Refusal? refusal)
    {
        lock (_gate)
        {
            refusal = ids.Select(Problem).FirstOrDefault(p => p is not null);
            if (refusal is not null)
                return null;
            var call = holdings.BeginCall(resource, ids);
            Recompute();
            return call;
        }
    }

    /// <summary>An answer that was granted stays listed as held: it is recorded by now.</summary>
    public void EndAllocate(Holdings.Answer call, bool granted)
    {
        lock (_gate)
        {
            var before = Seen();
            call.Dispose();
            if (granted)
                _refusals = _refusals.Grant(call.Ids);
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

    private void Note()
    {
        try
        {
            listed.Add(resource, _wanted.Select(d => d.Id));
        }
        catch (IOException e)
        {
            throw new IOException($"what is to be listed cannot be put on disk first: {e.Message}", e);
        }
    }

    private bool IsNoted(AdvertisedDevice device) => listed.IsKept(resource, device.Id);

    private void Recompute()
    {
        var next = policy.Next(
            new AdvertisedListFacts
            {
                Wanted = _claimed ? [.. _wanted.Where(IsNoted)] : _wanted,
                Sent = _sent,
                Held = holdings.HeldOf(resource),
                LookedAt = holdings.LookedAt,
                BeingAnswered = holdings.BeingAnswered(resource),
                Refused = _refusals.Shown,
            }
        );
        if (!next.Devices.SequenceEqual(_list.Devices))
            _version++;
        _list = next;
    }
}
