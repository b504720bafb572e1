using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Parsing;
using Hostdev.DevicePlugin.Host;
using Hostdev.Planning;

namespace Hostdev.DevicePlugin.Following;

/// <summary>
/// The desired state that is in force: the last one that could be read, each policy in the last version that was understood. It is kept on
/// disk (<c>desired.json</c> in the state directory), so that a restart goes on from it whatever has become of its source.
/// </summary>
public sealed class DesiredState(string directory)
{
    /// <summary>Versions before take it for a text of their source, and refuse a field beside policies.</summary>
    private readonly StateFile<JsonObject> _file = new(Path.Combine(directory, "desired.json"), DesiredJsonContext.Default.JsonObject)
    {
        NamedFrom = 2,
    };

    private readonly CordonFile _cordons = new(directory);

    private volatile DesiredInForce? _inForce;

    /// <summary>
    /// What is in force, and is on disk; null while nothing was ever read: then nothing is touched. Swapped whole: whoever plans while a
    /// new one comes in takes it once.
    /// </summary>
    public DesiredInForce? InForce => _inForce;

    public ImmutableArray<EffectivePolicy>? Policies => _inForce?.Policies;

    /// <summary>What admins keep from being given out. Empty while nothing was ever read.</summary>
    public ImmutableArray<DesiredCordon> Cordons => _inForce?.Cordons ?? [];

    /// <summary>Of what is in force. Empty while nothing was ever read.</summary>
    public string Fingerprint => _inForce?.Fingerprint ?? "";

    /// <summary>Whether the source itself was read since this process started, and not only what was kept of it.</summary>
    public bool Confirmed { get; private set; }

    /// <summary>Why the source could not be followed lately, as a sentence; null when it could.</summary>
    public string? Problem { get; private set; }

    /// <summary>
    /// Restores what was in force before a restart. A kept file that cannot be read is passed over: the source is the truth.
    /// </summary>
    public void Restore()
    {
        var cordons = _cordons.Read(out var ofCordons);
        _inForce = _file.Read(Kept, out var damage);
        if (_inForce is not null)
            _inForce = _inForce with { Cordons = cordons };
        Problem = damage ?? ofCordons;
    }

    private static DesiredInForce Kept(JsonObject content)
    {
        var text = content.ToJsonString();
        var spec = NodeDeviceStateReader.Read(text, out var error, inForce: true) ?? throw new FormatException(error);
        return new DesiredInForce([.. spec.Policies.Select(p => new EffectivePolicy(p, null))], FingerprintOf(text), null);
    }

    /// <summary>Takes in a new text. One that cannot be read changes nothing but <see cref="Problem"/>.</summary>
    /// <param name="source">Named in problems.</param>
    /// <param name="generation">Of the object that it is the spec of; null for a file.</param>
    /// <returns>Whether anything changed.</returns>
    public bool Offer(string source, string text, long? generation = null)
    {
        var spec = NodeDeviceStateReader.Read(text, out var error, cordoned: Cordons);
        if (spec is null)
            return Refuse($"{source}: {error}");
        Keep(Following(Policies ?? [], spec.Policies), spec.Cordons, generation);
        (Problem, Confirmed) = (null, true);
        return true;
    }

    /// <summary>Keeps what is in force and remembers why the source cannot be followed.</summary>
    /// <returns>Whether that is news.</returns>
    public bool Refuse(string problem)
    {
        if (Problem == problem)
            return false;
        Problem = problem;
        return true;
    }

    /// <summary>
    /// What is in force when <paramref name="desired"/> is followed after <paramref name="before"/>. An entry that is not understood
    /// freezes what bears
    /// its kind and name; where nothing does, its kind may be what is wrong, and it freezes what bears its name and is not in the text
    /// otherwise: a
    /// misspelt kind is no wish to give a device back. What an entry asks for since before it was refused stays as it is.
    /// </summary>
    public static ImmutableArray<EffectivePolicy> Following(ImmutableArray<EffectivePolicy> before, ImmutableArray<DesiredPolicy> desired)
    {
        var known = before.Select(p => p.InForce).Where(k => k is not DesiredPolicy.Frozen).ToList();
        var unnamed = known.Where(k => !desired.Any(p => IsSame(p, k))).ToList();
        var policies = ImmutableArray.CreateBuilder<EffectivePolicy>(desired.Length);
        foreach (var entry in desired)
        {
            var last = known.Find(k => IsSame(k, entry));
            var policy = PolicyReader.AsNew(entry, last);
            if (policy is not DesiredPolicy.Frozen frozen)
                policies.Add(new EffectivePolicy(policy, null));
            else if (last is not null)
                policies.Add(new EffectivePolicy(last, frozen));
            else
                policies.AddRange(FreezeByName(frozen, unnamed));
        }

        return policies.ToImmutable();
    }

    private static IEnumerable<EffectivePolicy> FreezeByName(DesiredPolicy.Frozen frozen, List<DesiredPolicy> unnamed)
    {
        var meant = unnamed.Where(k => k.Identity.Name == frozen.Identity.Name || k.Identity.Uid == frozen.Identity.Uid).ToList();
        unnamed.RemoveAll(meant.Contains);
        if (meant.Count == 0)
            return [new EffectivePolicy(frozen, frozen)];
        return meant.Select(k => new EffectivePolicy(
            k,
            frozen with
            {
                Identity = k.Identity with { Generation = frozen.Identity.Generation },
                Message =
                    $"{frozen.Message}. {k.Identity} stays in force as it was last understood, until this entry is corrected or left out",
            }
        ));
    }

    private static bool IsSame(DesiredPolicy a, DesiredPolicy b) =>
        (a.Identity.Kind, a.Identity.Name) == (b.Identity.Kind, b.Identity.Name);

    /// <summary>
    /// On disk first: what is begun for these policies is recorded under their fingerprint, and a restart must find the same.
    /// </summary>
    private void Keep(ImmutableArray<EffectivePolicy> policies, ImmutableArray<DesiredCordon> cordons, long? generation)
    {
        var content = ToJson(policies);
        // Cordons first: what a crash leaves between the two offers less, and not more.
        _cordons.Keep(cordons, Cordons);
        _file.Write(content);
        _inForce = new DesiredInForce(policies, FingerprintOf(content.ToJsonString()), generation) { Cordons = cordons };
    }

    /// <summary>The <see cref="Fingerprint"/> that these policies in force would have.</summary>
    public static string FingerprintOf(ImmutableArray<EffectivePolicy> policies) => FingerprintOf(ToJson(policies).ToJsonString());

    private static string FingerprintOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static JsonObject ToJson(ImmutableArray<EffectivePolicy> policies) =>
        new()
        {
            ["policies"] = new JsonArray([.. policies.Select(p => NodeDeviceStateWriter.ToJson(p.InForce) ?? Unreadable(p.Identity))]),
        };

    /// <summary>One that was never understood stays desired over a restart, without a spec: forgotten, it would be given back.</summary>
    private static JsonObject Unreadable(PolicyIdentity policy) =>
        new()
        {
            ["kind"] = policy.Kind,
            ["name"] = policy.Name,
            ["uid"] = policy.Uid,
            ["generation"] = policy.Generation,
            ["creationTimestamp"] = policy.CreationTimestamp?.ToString("O"),
        };
}

/// <summary>What is in force: the policies, and what admins keep back of what they offer.</summary>
/// <param name="Fingerprint">The same for the same policies, another for others: by it a restart knows whether what is desired has
/// changed.</param>
/// <param name="Generation">Of the object whose spec they are; null for a file, and for what was kept over a restart.</param>
public sealed record DesiredInForce(ImmutableArray<EffectivePolicy> Policies, string Fingerprint, long? Generation)
{
    /// <summary>What admins keep from being given out. Nothing is done for it, so that <see cref="Fingerprint"/> is not of it.</summary>
    public ImmutableArray<DesiredCordon> Cordons { get; init; } = [];

    /// <summary>Whether it differs from <paramref name="before"/> in its cordons, and in nothing that anything is done for.</summary>
    public bool HasOtherCordonsAlone(DesiredInForce? before) =>
        before is not null && Fingerprint == before.Fingerprint && !Cordons.SequenceEqual(before.Cordons);
}

[JsonSerializable(typeof(JsonObject))]
internal sealed partial class DesiredJsonContext : JsonSerializerContext;
