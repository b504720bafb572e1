using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Hostdev.Tests.Kube;

/// <summary>One open watch of the <see cref="FakeApiServer"/>.</summary>
internal sealed class FakeWatch(string collection, string name)
{
    public string Collection => collection;

    public Channel<string> Lines { get; } = Channel.CreateUnbounded<string>();

    public bool Abort { get; set; }

    public bool Matches(JsonObject it) => name.Length == 0 || it["metadata"]!["name"]!.GetValue<string>() == name;
}
