using System.Text.Json.Nodes;
using Hostdev.Kube.Client;
using Hostdev.Tests.Crds;
using Xunit;

namespace Hostdev.Tests.Cluster;

/// <summary>What the API server itself makes of our CRDs.</summary>
[Trait(ClusterTrait.Name, ClusterTrait.Any)]
public sealed class DefinitionScenarios
{
    [Fact]
    public async Task Every_object_of_the_fixtures_is_accepted_or_refused_at_the_field_and_in_the_words_that_its_file_says()
    {
        await using var bench = await ClusterBench.StartAsync();
        var surprises = new List<string>();
        foreach (var step in CrdFixture.Files.SelectMany(CrdFixture.Read))
        {
            if (await SurpriseAsync(bench, step) is { } surprise)
                surprises.Add($"{step.File}: {step.New["metadata"]!["name"]}: {surprise}");
        }

        Assert.True(surprises.Count == 0, string.Join("\n", surprises));
    }

    /// <summary>
    /// Our CRDs stand as they are written: nothing in them is dropped, and the server has no complaint about their structure.
    /// </summary>
    [Fact]
    public async Task The_definitions_are_stored_as_they_were_written_and_are_structural()
    {
        await using var bench = await ClusterBench.StartAsync();
        foreach (var plural in CrdFiles.Plurals)
        {
            var written = ClusterBench.Yaml(
                await File.ReadAllTextAsync(Repository.Path("crds", plural + ".yaml"), TestContext.Current.CancellationToken)
            );
            var stored = (await bench.Api.FindAsync("customresourcedefinitions.apiextensions.k8s.io", $"{plural}.hostdev.io"))!;
            Assert.DoesNotContain(
                stored["status"]!["conditions"]!.AsArray(),
                c => (string)c!["type"]! == "NonStructuralSchema" && (string)c["status"]! == "True"
            );
            Assert.Equal([], Lost(written["spec"]!["versions"]![0]!, stored["spec"]!["versions"]![0]!, ""));
        }
    }

    /// <summary>What happened in place of what the file says; null where it is as it says.</summary>
    private static async Task<string?> SurpriseAsync(ClusterBench bench, CrdFixture step)
    {
        var json = step.New.DeepClone().AsObject();
        var name = bench.Name((string)json["metadata"]!["name"]!);
        json["metadata"]!["name"] = name;
        var kind = AnyObject.Kind((string)json["kind"]!);
        var write = new WriteOptions { FieldManager = "hostdev-tests", FieldValidation = FieldValidation.Strict };
        try
        {
            if (step.Old is null)
            {
                await bench.Api.Client.CreateAsync(kind, null, json, write, TestContext.Current.CancellationToken);
            }
            else
            {
                json["metadata"]!["resourceVersion"] = (string)
                    (await bench.Api.FindAsync(kind.Resource.FullName, name))!["metadata"]!["resourceVersion"]!;
                await bench.Api.Client.ReplaceAsync(kind, new(name), json, write, TestContext.Current.CancellationToken);
            }

            return step.RefusedAt is null ? null : "it is accepted";
        }
        catch (KubeApiException e) when (e.IsInvalid)
        {
            var said = e.Status.Details.Causes.Select(c => $"{c.Field}: {c.Message}").ToList();
            if (step.RefusedAt is null)
                return string.Join('\n', said);
            return e.Status.Details.Causes.Any(c =>
                c.Field == step.RefusedAt && c.Message!.EndsWith(step.RefusedBecause!, StringComparison.Ordinal)
            )
                ? null
                : $"not {step.RefusedAt}: {step.RefusedBecause}, but\n{string.Join('\n', said)}";
        }
        catch (KubeApiException e)
        {
            return
                step.RefusedAt is not null
                && e.Status.Message.Contains(step.RefusedAt, StringComparison.Ordinal)
                && e.Status.Message.Contains(step.RefusedBecause!, StringComparison.Ordinal)
                ? null
                : e.Message;
        }
    }

    private static IEnumerable<string> Lost(JsonNode? written, JsonNode? stored, string at)
    {
        if (written is JsonObject map)
        {
            if (stored is not JsonObject there)
                return [$"{at}: is gone"];
            return map.SelectMany(m => Lost(m.Value, there[m.Key], $"{at}.{m.Key}"));
        }

        if (written is JsonArray list)
        {
            if (stored is not JsonArray there || there.Count != list.Count)
                return [$"{at}: has other items"];
            return list.SelectMany((item, i) => Lost(item, there[i], $"{at}[{i}]"));
        }

        return written?.ToJsonString() == stored?.ToJsonString()
            ? []
            : [$"{at}: {written?.ToJsonString()} has become {stored?.ToJsonString()}"];
    }
}
