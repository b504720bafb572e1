using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Hostdev.Crds.Kinds;
using Hostdev.Crds.Words;
using Xunit;

namespace Hostdev.Tests.Crds.Words;

/// <summary>What two programs of different versions say to each other in words, and what an admin looks up.</summary>
public sealed partial class WordsTests
{
    private static readonly JsonTypeInfo<DeviceProblem> s_problem =
        (JsonTypeInfo<DeviceProblem>)HostdevKinds.NodeDeviceStateSummaries.Json.Options.GetTypeInfo(typeof(DeviceProblem));

    [Fact]
    public void Every_reason_is_in_the_catalogue_once_and_by_the_name_that_the_code_has_for_it()
    {
        var reasons = Members<Reason>(typeof(Reasons));
        var risks = Members<Risk>(typeof(Risks));
        Assert.NotEmpty(reasons);
        Assert.Equal(reasons.Select(m => m.Name), reasons.Select(m => m.Value.Name));
        Assert.Equal(risks.Select(m => m.Name), risks.Select(m => m.Value.Name));
        Assert.Equal(
            reasons.Select(m => m.Value.Name).Concat(risks.Select(m => m.Value.Reason.Name)).Order(StringComparer.Ordinal),
            Reasons.All.Select(r => r.Name).Order(StringComparer.Ordinal)
        );
        Assert.All(Reasons.All, r => Assert.Same(r, Reasons.Of(r.Name)));
        Assert.All(risks, m => Assert.Same(m.Value, Risks.Parse(m.Name)));
    }

    private static List<(string Name, T Value)> Members<T>(Type of) =>
        [
            .. of.GetFields(BindingFlags.Public | BindingFlags.Static)
                .Where(f => f.FieldType == typeof(T))
                .Select(f => (f.Name, (T)f.GetValue(null)!)),
        ];

    [Fact]
    public void Every_reason_has_a_cause_a_remedy_and_an_end_that_fit_a_table_and_a_name_that_fits_the_schema()
    {
        Assert.Equal([], Reasons.All.Where(r => !ShortName().IsMatch(r.Name)).Select(r => r.Name));
        Assert.Equal([], Reasons.All.Where(r => !Cell().IsMatch(r.Cause) || !Cell().IsMatch(r.Remedy)).Select(r => r.Name));
        Assert.Equal([], Risks.All.Where(r => !Cell().IsMatch(r.Accepting)).Select(r => r.Name));
        Assert.Equal([], Reasons.All.Where(r => r.Ends == Ends.Unknown).Select(r => r.Name));
        Assert.Equal([], FindingState.All.Where(s => !ShortName().IsMatch(s.Name) || !Cell().IsMatch(s.Meaning)).Select(s => s.Name));
    }

    /// <summary>
    /// Objects have them that other versions read: a word may come, and its meaning for the program may not change unseen.
    /// </summary>
    [Fact]
    public void The_words_and_what_programs_make_of_them_are_those_that_were_said_before()
    {
        string[] Flags(Reason r) =>
            [
                r.IsUse ? "use" : "",
                r.IsMissing ? "missing" : "",
                r.AsksToAct ? "asks to act" : "",
                r.StopsWrites ? "stops writes" : "",
                r.IsTrouble ? "trouble" : "",
                r.VoidsIsolation ? "voids isolation" : "",
                r.IsNews ? "news" : "",
            ];
        var reasons = Reasons.All.Select(r =>
            string.Join(", ", ((string[])[$"{r} ends by {r.Ends}", .. Flags(r)]).Where(f => f.Length > 0))
        );
        string[] Of(FindingState s) => [s.IsInTheWay ? "in the way" : "", s.IsRemark ? "a remark" : "", s.GoesOn ? "goes on" : ""];
        var states = FindingState.All.Select(s => $"state {s}: {string.Join(", ", Of(s).Where(f => f.Length > 0))}");
        Golden.Matches("words.txt", string.Concat(((string[])[.. reasons, .. states]).Select(l => l + "\n")));
    }

    [Fact]
    public void A_word_of_another_version_stays_that_word_and_says_nothing_else()
    {
        var text = """{"device": "d", "state": "Dreaming", "reason": "ByMoonlight", "message": "m"}""";
        var problem = JsonSerializer.Deserialize(text, s_problem)!;
        Assert.Equal(("Dreaming", "ByMoonlight"), (problem.State.Name, problem.Reason.Name));
        Assert.Equal((false, false, false), (problem.State.IsInTheWay, problem.State.GoesOn, problem.State.IsRemark));
        Assert.Equal(Ends.Unknown, problem.Reason.Ends);
        Assert.False(
            problem.Reason.IsUse
                || problem.Reason.IsMissing
                || problem.Reason.AsksToAct
                || problem.Reason.IsTrouble
                || problem.Reason.StopsWrites
                || problem.Reason.VoidsIsolation
                || problem.Reason.IsNews
        );
        Assert.Equal(JsonSerializer.Deserialize(text, s_problem), problem); // also among themselves one word is one
        Assert.Equal(
            """{"device":"d","state":"Dreaming","reason":"ByMoonlight","message":"m"}""",
            JsonSerializer.Serialize(problem, s_problem)
        );
    }

    [Theory]
    [InlineData("InUse", true)]
    [InlineData("\\u0049nUse", true)] // a JSON writer may escape what it likes
    [InlineData("inUse", false)]
    [InlineData("", false)]
    [InlineData("InUseInUseInUseInUseInUseInUseInUseInUseInUseInUseInUseInUseInUseInUseInUseInUseInUse", false)]
    [InlineData("\\u0049\\u006e\\u0055\\u0073\\u0065\\u0049\\u006e\\u0055\\u0073\\u0065\\u0049\\u006e\\u0055\\u0073\\u0065", false)]
    public void A_word_that_is_known_is_one_object_however_often_it_is_read(string written, bool isKnown)
    {
        var problem = JsonSerializer.Deserialize(
            $$"""{"device": "d", "state": "Waiting", "reason": "{{written}}", "message": "m"}""",
            s_problem
        )!;
        Assert.Same(FindingState.Waiting, problem.State);
        Assert.Equal(isKnown, ReferenceEquals(Reasons.InUse, problem.Reason));
        Assert.Equal(JsonSerializer.Deserialize<string>($"\"{written}\""), problem.Reason.Name);
    }

    [Theory]
    [InlineData("7")]
    [InlineData("null")]
    [InlineData("{}")]
    public void What_is_no_word_is_refused_as_before(string written) =>
        Assert.Throws<JsonException>(() =>
            JsonSerializer.Deserialize($$"""{"device": "d", "state": "Waiting", "reason": {{written}}, "message": "m"}""", s_problem)
        );

    [GeneratedRegex("^[A-Z][A-Za-z]{1,63}$")]
    private static partial Regex ShortName();

    [GeneratedRegex("^[^|\n]+$")]
    private static partial Regex Cell();
}
