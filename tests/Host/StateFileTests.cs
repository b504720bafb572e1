using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Hostdev.DevicePlugin.Host;
using Xunit;

namespace Hostdev.Tests.Host;

/// <summary>
/// What every file of state has in common: its format, how an older one is converted, what a newer one is, and how damage is said.
/// </summary>
public sealed class StateFileTests : IDisposable
{
    private const string Remedy = "It says the mood: restore it";

    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web)
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    private static readonly JsonTypeInfo<Mood> s_type = (JsonTypeInfo<Mood>)s_options.GetTypeInfo(typeof(Mood));

    private readonly string _directory = Directory.CreateTempSubdirectory("state-").FullName;

    private string Path => System.IO.Path.Combine(_directory, "mood.json");

    [Fact]
    public void What_was_written_is_read_and_names_its_format_first()
    {
        Of().Write(new Mood("good"));

        Assert.Equal("""{"format":1,"name":"good"}""", File.ReadAllText(Path));
        Assert.Equal("good", Read(Of()));
    }

    [Fact]
    public void Without_a_file_there_is_nothing_and_nothing_is_wrong() => Assert.Null(Read(Of()));

    [Theory]
    [InlineData("""{"name":"good"}""")]
    [InlineData("""{"name":"good","later":{"format":7},"format":1}""")]
    public void Without_a_number_it_is_the_first_format_and_what_is_not_known_is_passed_over(string text)
    {
        File.WriteAllText(Path, text);

        Assert.Equal("good", Read(Of()));
    }

    [Theory]
    [InlineData("""{"mood":"good"}""")]
    [InlineData("""{"format":1,"mood":"good"}""")]
    [InlineData("""{"format":2,"temper":"good"}""")]
    [InlineData("""{"format":3,"name":"good"}""")]
    public void An_older_format_is_converted_step_by_step_and_the_newest_is_written(string text)
    {
        File.WriteAllText(Path, text);
        var file = Third();

        Assert.Equal("good", Read(file));
        file.Write(new Mood("better"));
        Assert.Equal("""{"format":3,"name":"better"}""", File.ReadAllText(Path));
        Assert.Equal($"{Path}: it has format 3 and this version reads 1: run the version that wrote it. {Remedy}", DamageOf(Of()));
    }

    [Fact]
    public void A_file_that_versions_before_refuse_with_a_number_has_one_only_where_they_must_refuse_it()
    {
        Of(namedFrom: 2).Write(new Mood("good"));
        Assert.Equal("""{"name":"good"}""", File.ReadAllText(Path));

        Third(namedFrom: 2).Write(new Mood("good"));
        Assert.Equal("""{"format":3,"name":"good"}""", File.ReadAllText(Path));
    }

    [Theory]
    [InlineData(
        "",
        "The input does not contain any JSON tokens. Expected the input to start with a valid JSON token, when isFinalBlock is true"
    )]
    [InlineData("null", "it is no JSON object")]
    [InlineData("[]", "it is no JSON object")]
    [InlineData("""{"format":0,"name":"good"}""", "its format is 0 and not a number from 1 on")]
    [InlineData("""{"format":"1","name":"good"}""", "its format is \"1\" and not a number from 1 on")]
    [InlineData("""{"format":null,"name":"good"}""", "its format is null and not a number from 1 on")]
    [InlineData("""{"name":7}""", "name has a value of the wrong kind")]
    [InlineData("""{"name":"good","name":"bad"}""", "Duplicate property 'name' encountered during deserialization")]
    [InlineData("""{"name":"gloomy"}""", "nobody is gloomy")]
    public void Damage_is_said_with_the_path_and_what_to_do(string text, string words)
    {
        File.WriteAllText(Path, text);

        Assert.Equal($"{Path}: {words}. {Remedy}", DamageOf(Of()));
        Assert.Equal(text, File.ReadAllText(Path));
    }

    [Fact]
    public void What_a_crash_left_beside_it_is_no_hindrance()
    {
        Of().Write(new Mood("good"));
        File.WriteAllText(Path + ".new", "{");
        Assert.Equal("good", Read(Of()));

        Of().Write(new Mood("better"));
        Assert.Equal([Path], Directory.GetFiles(_directory));
        Of().Delete();
        Assert.Empty(Directory.GetFiles(_directory));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private StateFile<Mood> Of(int namedFrom = 1) => new(Path, s_type, Remedy) { NamedFrom = namedFrom };

    /// <summary>The name was called otherwise twice.</summary>
    private StateFile<Mood> Third(int namedFrom = 1) =>
        new(Path, s_type, Remedy, f => Rename(f, "mood", "temper"), f => Rename(f, "temper", "name")) { NamedFrom = namedFrom };

    private static void Rename(JsonObject fields, string from, string to)
    {
        fields[to] = fields[from]?.DeepClone() ?? throw new FormatException($"{from} is missing");
        fields.Remove(from);
    }

    private static string? Read(StateFile<Mood> file)
    {
        var read = file.Read(Take, out var damage);
        Assert.Null(damage);
        return read;
    }

    private static string? DamageOf(StateFile<Mood> file)
    {
        Assert.Null(file.Read(Take, out var damage));
        return damage;
    }

    private static string Take(Mood mood) => mood.Name == "gloomy" ? throw new FormatException("nobody is gloomy") : mood.Name;

    private sealed record Mood(string Name);
}
