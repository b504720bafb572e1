using System.Collections.Concurrent;
using System.Dynamic;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cel;

namespace Hostdev.Tests.Crds;

/// <summary>
/// Evaluates the rules of our CRDs over JSON, by an implementation of CEL that is not ours: a typing error in an expression shows here, long
/// before an API server sees it. It is no stand-in for cel-go: types are not checked beforehand and costs not counted.
/// </summary>
internal static class CelExpression
{
    private static readonly ConcurrentDictionary<string, Func<Dictionary<string, object?>, object?>> s_compiled = [];

    public static bool IsTrue(string rule, JsonNode self, JsonNode? oldSelf) =>
        (bool)s_compiled.GetOrAdd(rule, Compile)(new Dictionary<string, object?> { ["self"] = Value(self), ["oldSelf"] = Value(oldSelf) })!;

    private static Func<Dictionary<string, object?>, object?> Compile(string rule)
    {
        var environment = new CelEnvironment([], "");
        // The package's own gives a number that compares with none; API servers have that of CEL's strings extension.
        environment.RegisterFunction(
            "indexOf", [typeof(string), typeof(string)], a => (long)((string)a[0]!).IndexOf((string)a[1]!, StringComparison.Ordinal));
        var program = environment.Compile(rule);
        return scope => program.Invoke(scope);
    }

    /// <summary>JSON as the package has fields: objects with members that <c>has</c> finds.</summary>
    private static object? Value(JsonNode? node) => node switch
    {
        JsonObject map => Map(map),
        JsonArray list => list.Select(Value).ToArray(),
        JsonValue value => value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>(),
            JsonValueKind.True or JsonValueKind.False => value.GetValue<bool>(),
            _ => value.TryGetValue<long>(out var whole) ? (object)whole : value.GetValue<double>(),
        },
        _ => null,
    };

    private static ExpandoObject Map(JsonObject map)
    {
        var value = new ExpandoObject();
        foreach (var (name, member) in map) ((IDictionary<string, object?>)value)[Escaped(name)] = Value(member);
        return value;
    }

    /// <summary>Words that CEL reserves are written <c>__word__</c> (apiserver <c>cel.Escape</c>); no other one is a field of ours.</summary>
    private static string Escaped(string name) => name == "function" ? "__function__" : name;
}
