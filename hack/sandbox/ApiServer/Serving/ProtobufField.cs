using System.Collections.Immutable;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>A field of a message that clients send in the protobuf form.</summary>
/// <param name="Number">In the message.</param>
/// <param name="Name">In JSON.</param>
internal abstract record ProtobufField(int Number, string Name)
{
    /// <summary>An empty one is left out: Go's types write what was not set as well.</summary>
    public sealed record Text(int Number, string Name) : ProtobufField(Number, Name);

    public sealed record Texts(int Number, string Name) : ProtobufField(Number, Name);

    /// <summary>A number that may be missing: where it stands it was meant, 0 too.</summary>
    public sealed record Optional(int Number, string Name) : ProtobufField(Number, Name);

    /// <summary>A number that is always written: 0 is left out.</summary>
    public sealed record Integer(int Number, string Name) : ProtobufField(Number, Name);

    /// <summary>Yes or no; what was not set is left out, so that no is told only by one that may be missing.</summary>
    public sealed record Flag(int Number, string Name, bool MayBeMissing) : ProtobufField(Number, Name);

    /// <summary>Texts by their names: <c>map&lt;string, string&gt;</c>.</summary>
    public sealed record Map(int Number, string Name) : ProtobufField(Number, Name);

    /// <summary>Bytes by their names, which JSON has in base64: <c>map&lt;string, bytes&gt;</c>.</summary>
    public sealed record BytesMap(int Number, string Name) : ProtobufField(Number, Name);

    /// <summary>A number, or a text: <c>k8s.io.apimachinery.pkg.util.intstr.IntOrString</c>.</summary>
    public sealed record IntegerOrText(int Number, string Name) : ProtobufField(Number, Name);

    public sealed record Message(int Number, string Name, ImmutableArray<ProtobufField> Fields) : ProtobufField(Number, Name);

    public sealed record Messages(int Number, string Name, ImmutableArray<ProtobufField> Fields) : ProtobufField(Number, Name);
}
