using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Hostdev.DevicePlugin.Offering;
using Hostdev.Planning;
using Hostdev.Planning.Places;
using Xunit;

namespace Hostdev.Tests.Offering;

public sealed class TokenTests
{
    private static readonly ResourceName Audio = ResourceName.Parse("example.com/gpu-audio");
    private static readonly ResourceName Usb = ResourceName.Parse("example.com/gpu-usb");

    private static Unit Card(string address, params (ResourceName Name, int Function)[] companions) =>
        Units.Of([address, .. companions.Select(c => address[..^1] + c.Function)]) with
        {
            Companions = [.. companions.Select(c => new Companion(c.Name, DeviceId.Parse(address[..^1] + c.Function)))],
        };

    private static CatalogUnit Healthy(string address, params (ResourceName Name, int Function)[] companions) =>
        new(Card(address, companions), null, new Place(null, []));

    private static CatalogUnit Sick(string address) =>
        new(Card(address, (Audio, 1)), new OfferProblem(Reasons.NotReady, "sick"), new Place(null, []));

    private static string[] Listed(IEnumerable<CatalogUnit> units, params string[] held) =>
        [.. Tokens.Of(units, held.ToImmutableHashSet()).Single().Devices.Select(d => $"{d.Id[^1]}{(d.Healthy ? "" : " unhealthy")}")];

    [Fact]
    public void Tokens_are_called_the_same_for_ever_and_like_no_device_and_no_token_of_another_name()
    {
        var ids = Enumerable.Range(0, 300).SelectMany(n => new[] { TokenId.Of(Audio, n), TokenId.Of(Usb, n) }).ToList();

        Assert.Equal("746f6b65-6e73-81fd-8b49-e59281000007", TokenId.Of(Audio, 7));
        Assert.Equal(600, ids.Distinct().Count());
        Assert.All(ids, id => Assert.InRange(id.Length, 1, 63)); // the kubelet's limit
        Assert.All(ids, id => Assert.True(TokenId.Is(id)));
        Assert.All(ids.Where((_, i) => i % 2 == 0), id => Assert.Equal((true, false), (TokenId.Is(id, Audio), TokenId.Is(id, Usb))));
        Assert.False(TokenId.Is("0000:43:00.0"));
        Assert.False(TokenId.Is(MdevUuid.Made("example").ToString()));
        // A version that knows no tokens reads its ledger.
        Assert.All(ids, id => Assert.IsType<DeviceId.OfMdev>(DeviceId.Parse(id)));
        Assert.All(ids, id => Assert.Equal(id, DeviceId.Parse(id).ToString()));
    }

    [Fact]
    public void There_are_as_many_tokens_as_members_and_as_many_healthy_ones_as_members_of_what_is_given_out()
    {
        Assert.Equal(
            ["0", "1", "2 unhealthy"],
            Listed([Healthy("0000:43:00.0", (Audio, 1)), Healthy("0000:44:00.0", (Audio, 1)), Sick("0000:45:00.0")])
        );
        Assert.Equal(
            ["0", "1", "2", "3"],
            Listed([Healthy("0000:43:00.0", (Audio, 1), (Audio, 2)), Healthy("0000:44:00.0", (Audio, 1), (Audio, 2))])
        );
        Assert.Empty(Tokens.Of([Healthy("0000:43:00.0")], ImmutableHashSet<string>.Empty));
    }

    [Fact]
    public void The_unhealthy_tokens_are_nobody_s_as_long_as_there_are_such()
    {
        CatalogUnit[] units = [Healthy("0000:43:00.0", (Audio, 1)), Sick("0000:44:00.0"), Sick("0000:45:00.0")];

        Assert.Equal(["0 unhealthy", "1 unhealthy", "2"], Listed(units, TokenId.Of(Audio, 2)));
        Assert.Equal(["0 unhealthy", "1", "2 unhealthy"], Listed(units, TokenId.Of(Audio, 1), TokenId.Of(Audio, 2)));
        // What is held beyond what there is stays listed by AdvertisedListPolicy; another name's is not counted.
        Assert.Equal(["9"], Listed([units[0]], TokenId.Of(Audio, 9), TokenId.Of(Usb, 0)));
    }

    [Fact]
    public void A_unit_tells_the_addresses_of_its_companions_under_their_names_in_the_order_of_the_units()
    {
        var units = new[]
        {
            Card("0000:c1:00.0", (Audio, 1), (Usb, 2), (Audio, 3)),
            Card("0000:43:00.0", (Audio, 1), (Usb, 2), (Audio, 3)),
        };
        var answer = AllocateAnswer.Compose(units[0].Resource, units.Select((u, i) => u.In(Units.State(i + 1))), null);

        Assert.Equal("0000:43:00.0,0000:c1:00.0", answer.Envs["PCI_RESOURCE_EXAMPLE_COM_GPU"]);
        Assert.Equal("0000:43:00.1,0000:43:00.3,0000:c1:00.1,0000:c1:00.3", answer.Envs["PCI_RESOURCE_EXAMPLE_COM_GPU-AUDIO"]);
        Assert.Equal("0000:43:00.2,0000:c1:00.2", answer.Envs["PCI_RESOURCE_EXAMPLE_COM_GPU-USB"]);
        Assert.Equal(["HOSTDEV_EXAMPLE_COM_GPU_INFO"], answer.Envs.Keys.Where(k => k.StartsWith("HOSTDEV", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_unit_with_other_companions_than_most_of_its_name_is_given_to_nobody()
    {
        Unit[] units = [Card("0000:43:00.0"), Card("0000:44:00.0", (Audio, 1)), Card("0000:45:00.0", (Audio, 1))];
        var unlike = Assert.Single(Tokens.Unlike(units));

        Assert.Equal(("0000:43:00.0", Reasons.CompanionsDiffer), (unlike.Key, unlike.Value.Reason));
        Assert.Equal(
            "0000:43:00.0 has no companion, but others of example.com/gpu have the companions example.com/gpu-audio: a VM that asks for "
                + "companions would be given any of them; declare the same companions for all, or use another resourceName for these",
            unlike.Value.Message
        );
    }

    [Fact]
    public void What_the_earliest_policy_offers_is_kept_though_others_are_more()
    {
        Unit Of(Unit unit, int year) =>
            unit with
            {
                Policy = new PolicyIdentity(
                    "HostDevice",
                    $"p{year}",
                    $"uid-{year}",
                    1,
                    new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero)
                ),
            };
        Unit[] units =
        [
            Of(Card("0000:43:00.0", (Audio, 1), (Audio, 2)), 2022),
            Of(Card("0000:44:00.0", (Audio, 1), (Audio, 2)), 2022),
            Of(Card("0000:45:00.0", (Audio, 1)), 2020),
        ];

        Assert.Equal(["0000:43:00.0", "0000:44:00.0"], Tokens.Unlike(units).Keys.Order(StringComparer.Ordinal));
        Assert.Empty(Tokens.Unlike([units[0], units[1]]));
    }

    [Fact]
    public void A_token_that_was_given_out_is_nobody_s_device()
    {
        var token = Tokens.Given(Audio, TokenId.Of(Audio, 0), DateTimeOffset.UnixEpoch);
        var holdings = new Holdings(AllocationLedger.Empty.Record(token));

        Assert.True(holdings.IsHeld(Audio, token.Id));
        Assert.Equal([Audio], holdings.Resources);
        Assert.Empty(holdings.Ledger.Units);
        Assert.Equal([token.Id], holdings.Ledger.Held);
        Assert.Null(holdings.HeldOtherwise(Card("0000:43:00.0", (Audio, 1))));
        using var answer = holdings.TryBeginAnswer(
            ResourceName.Parse("example.com/gpu"),
            [Card("0000:43:00.0", (Audio, 1))],
            out var refusal
        );
        Assert.Null(refusal);
        Assert.Empty(holdings.TryClose([DeviceId.Parse("0000:44:00.0")]));
    }
}

public sealed class UnpairedTokenTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(10);

    private static readonly Catalog Catalog = new()
    {
        Units = ImmutableSortedDictionary.CreateRange(
            StringComparer.Ordinal,
            new[] { "0000:43:00.0", "0000:44:00.0" }.Select(a =>
                KeyValuePair.Create(
                    a,
                    new CatalogUnit(
                        Units.Of(a, a[..^1] + "1") with
                        {
                            Companions = [new Companion(ResourceName.Parse("example.com/audio"), DeviceId.Parse(a[..^1] + "1"))],
                        },
                        null,
                        new Place(null, [])
                    )
                )
            )
        ),
        Resources = [],
    };

    [Theory]
    [InlineData("c:gpu", null)] // a VM, or another VMM, that asks for no companion
    [InlineData("c:gpu c:audio", null)]
    [InlineData("c:gpu c:gpu c:audio c:audio d:gpu", null)]
    [InlineData(
        "c:gpu c:audio c:audio",
        "container c of pod vms/vm has 2 of example.com/audio and only 1 of example.com/gpu: there is no device for each, and the launcher "
            + "of a VM does not start; ask for as many of example.com/audio as of example.com/gpu"
    )]
    [InlineData(
        "c:gpu c:gpu c:audio",
        "container c of pod vms/vm has 1 of example.com/audio and 2 of example.com/gpu: the VM gets the companions of those with the "
            + "lowest addresses alone; ask for as many of example.com/audio as of example.com/gpu"
    )]
    [InlineData(
        "c:gpu d:audio",
        "container d of pod vms/vm has 1 of example.com/audio, and example.com/gpu is in container c: they never meet; ask for both in one "
            + "container"
    )]
    [InlineData(
        "c:audio",
        "container c of pod vms/vm has 1 of example.com/audio and none of example.com/gpu, so that there is nothing to give: ask for as "
            + "many of example.com/audio as of example.com/gpu, in one container"
    )]
    public void What_a_container_has_too_much_or_too_little_of_is_said(string has, string? message)
    {
        var seen = UnpairedTokens.None.Observe(List(has), Catalog, Now, Settle);
        Assert.Empty(seen.Findings); // it may be being admitted
        Assert.Empty(seen.Observe(List(has), Catalog, Now + (Settle / 2), Settle).Findings);
        var finding = seen.Observe(List(has), Catalog, Now + Settle, Settle).Findings.SingleOrDefault();

        Assert.Equal(message, finding?.Message);
        Assert.Equal(message is null ? null : Reasons.CompanionsUnpaired, finding?.Reason);
    }

    [Fact]
    public void A_pod_that_is_being_admitted_or_is_gone_is_not_spoken_of()
    {
        var seen = UnpairedTokens.None.Observe(List("c:audio"), Catalog, Now, Settle);
        Assert.Empty(seen.Observe(List("c:audio c:gpu"), Catalog, Now + Settle, Settle).Seen);
        var said = seen.Observe(List("c:audio"), Catalog, Now + Settle, Settle);
        Assert.Single(said.Findings);
        Assert.Single(said.Observe(new PodUseReading.Unreadable("no answer"), Catalog, Now + Settle, Settle).Findings);
        Assert.Empty(said.Observe(List(""), Catalog, Now + Settle, Settle).Findings);
    }

    private static PodUseReading.Listed List(string has) =>
        new()
        {
            Devices =
            [
                .. has.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .Select((h, i) => new PodUse($"example.com/{h[2..]}", $"{h[2..]}-{i}", "vms/vm") { Container = h[..1] }),
            ],
            Doubt = null,
            Checkpoint = new CheckpointReading.Unreadable("none"),
        };
}
