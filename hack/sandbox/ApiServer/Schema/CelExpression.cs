using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Antlr4.Runtime;
using Cel;
using Cel.Internal;
using Hostdev.Sandbox.ApiServer.Admission;

namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>
/// An expression of an API server's CEL, evaluated over JSON by an implementation that is not ours: a typing error in one shows here, long
/// before a real server sees it. It is no stand-in for cel-go: types are not checked beforehand, costs not counted, a member of null is
/// null, and of the functions that API servers add to the language there are those that our expressions use.
/// </summary>
internal sealed class CelExpression
{
    private static readonly CelEnvironment s_environment = Environment();
    private static readonly ConcurrentDictionary<string, CelExpression> s_parsed = [];

    private readonly CelProgramDelegate? _program;

    private CelExpression(string text)
    {
        Text = text;
        try
        {
            if (Unreadable(text) is { Length: > 0 } unreadable)
                Error = unreadable;
            else
                _program = s_environment.Compile(text);
        }
        catch (CelException e)
        {
            Error = e.Message;
        }
    }

    public string Text { get; }

    /// <summary>Why it is no expression; null where it is one.</summary>
    public string? Error { get; }

    /// <param name="text">Not empty.</param>
    public static CelExpression Of(string text) => s_parsed.GetOrAdd(text, t => new CelExpression(t));

    public CelResult Evaluate(CelScope scope)
    {
        if (_program is null)
            return CelResult.Failed($"compilation error: {Error}");
        try
        {
            return new CelResult(_program(scope));
        }
        catch (Exception e) // whatever a function of the package throws: the expression has no value
        {
            return CelResult.Failed($"expression '{Text}' resulted in error: {e.GetBaseException().Message}");
        }
    }

    /// <summary>What says yes or no.</summary>
    public CelResult Decide(CelScope scope) =>
        Evaluate(scope) is var result && result.Error is null && result.Value is not bool
            ? CelResult.Failed($"expression '{Text}' resulted in error: must evaluate to bool")
            : result;

    /// <summary>JSON as expressions see it.</summary>
    /// <param name="field">How the name of a field is written in them; as it is when null.</param>
    public static object? Value(JsonNode? node, Func<string, string>? field = null) =>
        JsonType.Of(node) switch
        {
            JsonType.Object => node!.AsObject().ToDictionary(m => field?.Invoke(m.Key) ?? m.Key, m => Value(m.Value, field)),
            JsonType.Array => node!.AsArray().Select(item => Value(item, field)).ToArray(),
            JsonType.Boolean => JsonType.IsTrue(node),
            JsonType.Integer => JsonType.TryInteger(node, out var whole) ? whole : null,
            JsonType.Number => JsonType.Double(node!),
            JsonType.String => JsonType.Text(node),
            _ => null,
        };

    private static bool IsThere(object? value) => value is string or bool or long or double or object?[] or Dictionary<string, object?>;

    /// <summary>Which characters belong to no word of the language, as a quote too many: the package passes over them.</summary>
    private static string Unreadable(string text)
    {
        using var said = new StringWriter();
        new CelLexer(new AntlrInputStream(text), TextWriter.Null, said).GetAllTokens();
        return said.ToString().Trim();
    }

    private static CelEnvironment Environment()
    {
        var environment = new CelEnvironment([], "");
        // The package's own takes an empty text, list or object for one that is not there.
        environment.RegisterFunction("has", [typeof(object)], a => IsThere(a[0]));
        environment.RegisterFunction(
            "indexOf",
            [typeof(string), typeof(string)],
            a => (long)First(a).IndexOf((string)a[1]!, StringComparison.Ordinal)
        );
        environment.RegisterFunction("substring", [typeof(string), typeof(long)], a => First(a)[(int)(long)a[1]!..]);
        environment.RegisterFunction("group", [typeof(CelAuthorizer), typeof(string)], a => Asked(a).OfGroup((string)a[1]!));
        environment.RegisterFunction("resource", [typeof(CelAuthorizer), typeof(string)], a => Asked(a).OfResource((string)a[1]!));
        environment.RegisterFunction("check", [typeof(CelAuthorizer), typeof(string)], a => Asked(a).Check((string)a[1]!));
        environment.RegisterFunction("allowed", [typeof(CelAuthorizer)], a => Asked(a).IsAllowed);
        return environment;

        static string First(object?[] arguments) => (string)arguments[0]!;
        static CelAuthorizer Asked(object?[] arguments) => (CelAuthorizer)arguments[0]!;
    }
}
