using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Hostdev.Tests.Crds;

/// <summary>
/// Reads as much of CEL as the rules of our CRDs use, over JSON: a typing error in an expression shows here, long before an API server sees it. What it does not know is
/// an error. It is no stand-in for cel-go: types are not checked and costs not counted.
/// </summary>
internal sealed partial class CelExpression
{
    private readonly string[] _tokens;
    private int _at;

    private CelExpression(string text) => _tokens = [.. Token().Matches(text).Select(m => m.Value).Where(t => !string.IsNullOrWhiteSpace(t)), ""];

    private delegate object? Eval(IReadOnlyDictionary<string, object?> scope);

    public static bool IsTrue(string rule, JsonNode self, JsonNode? oldSelf)
    {
        var expression = new CelExpression(rule);
        var eval = expression.Ternary();
        expression.Expect("");
        return (bool)eval(new Dictionary<string, object?> { ["self"] = Value(self), ["oldSelf"] = Value(oldSelf) })!;
    }

    private Eval Ternary()
    {
        var condition = Or();
        if (!Take("?")) return condition;
        var yes = Ternary();
        Expect(":");
        var no = Ternary();
        return s => (bool)condition(s)! ? yes(s) : no(s);
    }

    private Eval Or()
    {
        var left = And();
        while (Take("||")) { var (a, b) = (left, And()); left = s => (bool)a(s)! || (bool)b(s)!; }
        return left;
    }

    private Eval And()
    {
        var left = Relation();
        while (Take("&&")) { var (a, b) = (left, Relation()); left = s => (bool)a(s)! && (bool)b(s)!; }
        return left;
    }

    private Eval Relation()
    {
        var left = Unary();
        while (_tokens[_at] is "==" or "!=" or "<" or "<=" or ">" or ">=" or "in")
        {
            var (a, op, b) = (left, _tokens[_at++], Unary());
            left = op switch
            {
                "==" => s => Same(a(s), b(s)),
                "!=" => s => !Same(a(s), b(s)),
                "in" => s => { var item = a(s); return ((List<object?>)b(s)!).Exists(x => Same(x, item)); }
                ,
                "<" => s => (long)a(s)! < (long)b(s)!,
                "<=" => s => (long)a(s)! <= (long)b(s)!,
                ">" => s => (long)a(s)! > (long)b(s)!,
                _ => s => (long)a(s)! >= (long)b(s)!,
            };
        }

        return left;
    }

    private Eval Unary()
    {
        if (!Take("!")) return Member();
        var operand = Unary();
        return s => !(bool)operand(s)!;
    }

    private Eval Member()
    {
        var value = Primary();
        while (Take("."))
        {
            var (target, name) = (value, _tokens[_at++]);
            value = Take("(") ? Method(target, name) : s => ((Dictionary<string, object?>)target(s)!)[Unescaped(name)];
        }

        return value;
    }

    private Eval Method(Eval target, string name)
    {
        if (name is "all" or "exists" or "exists_one")
        {
            var variable = _tokens[_at++];
            Expect(",");
            var body = Ternary();
            Expect(")");
            return s => Comprehension(name, Items(target(s)), item => body(new Dictionary<string, object?>(s) { [variable] = item }));
        }

        var arguments = Arguments();
        string Text(IReadOnlyDictionary<string, object?> s, int i) => (string)arguments[i](s)!;
        return name switch
        {
            "matches" => s => Regex.IsMatch((string)target(s)!, Text(s, 0).Replace("$", @"\z", StringComparison.Ordinal)),
            "contains" => s => ((string)target(s)!).Contains(Text(s, 0), StringComparison.Ordinal),
            "startsWith" => s => ((string)target(s)!).StartsWith(Text(s, 0), StringComparison.Ordinal),
            "indexOf" => s => (long)((string)target(s)!).IndexOf(Text(s, 0), StringComparison.Ordinal),
            _ => throw new NotSupportedException($"CEL method {name}"),
        };
    }

    private static bool Comprehension(string name, List<object?> items, Func<object?, object?> body) => name switch
    {
        "all" => items.TrueForAll(i => (bool)body(i)!),
        "exists" => items.Exists(i => (bool)body(i)!),
        _ => items.Count(i => (bool)body(i)!) == 1,
    };

    private Eval Primary()
    {
        var token = _tokens[_at++];
        if (token == "(") { var inner = Ternary(); Expect(")"); return inner; }
        if (token == "[") { var items = Arguments("]"); return s => items.ConvertAll(i => i(s)); }
        if (token is "true" or "false") return _ => token == "true";
        if (token is "int") return _ => "int";
        if (token.Length > 0 && token[0] == '\'') return _ => token[1..^1];
        if (long.TryParse(token, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return _ => number;
        if (!Take("(")) return s => s.TryGetValue(token, out var value) ? value : throw new NotSupportedException($"CEL name {token}");
        if (token == "has") return Has();
        var arguments = Arguments();
        return token switch
        {
            "size" => s => Size(arguments[0](s)),
            "type" => s => arguments[0](s) is long ? "int" : "other",
            _ => throw new NotSupportedException($"CEL function {token}"),
        };
    }

    /// <summary>A test of presence: the selection itself is not evaluated.</summary>
    private Eval Has()
    {
        var target = Primary();
        string? name = null;
        while (Take("."))
        {
            if (name is not null) { var (inner, field) = (target, name); target = s => ((Dictionary<string, object?>)inner(s)!)[field]; }
            name = Unescaped(_tokens[_at++]);
        }

        Expect(")");
        return s => ((Dictionary<string, object?>)target(s)!).ContainsKey(name!);
    }

    private List<Eval> Arguments(string end = ")")
    {
        var arguments = new List<Eval>();
        while (!Take(end))
        {
            if (arguments.Count > 0) Expect(",");
            arguments.Add(Ternary());
        }

        return arguments;
    }

    private bool Take(string token)
    {
        if (_tokens[_at] != token) return false;
        _at++;
        return true;
    }

    private void Expect(string token)
    {
        if (_tokens[_at] != token) throw new NotSupportedException($"CEL: {_tokens[_at]} where {(token.Length == 0 ? "the end" : token)} is expected");
        _at = Math.Min(_at + 1, _tokens.Length - 1);
    }

    /// <summary>Words that CEL reserves are written <c>__word__</c> (apiserver <c>cel.Escape</c>).</summary>
    private static string Unescaped(string name) => name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal) ? name[2..^2] : name;

    private static bool Same(object? a, object? b) => Equals(a, b);

    private static long Size(object? value) => value is string text ? text.Length : Items(value).Count;

    /// <summary>A map stands for its keys, as in CEL's macros.</summary>
    private static List<object?> Items(object? value) => value is Dictionary<string, object?> map ? [.. map.Keys] : (List<object?>)value!;

    private static object? Value(JsonNode? node) => node switch
    {
        JsonObject map => map.Where(m => m.Value is not null).ToDictionary(m => m.Key, m => Value(m.Value)),
        JsonArray list => list.Select(Value).ToList(),
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => long.Parse(value.ToJsonString(), CultureInfo.InvariantCulture),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        JsonValue value => value.GetValue<bool>(),
        _ => null,
    };

    [GeneratedRegex(@"'[^']*'|[A-Za-z_]\w*|-?[0-9]+|\|\||&&|[=!<>]=|\s+|.")]
    private static partial Regex Token();
}
