using System.Collections.Immutable;

namespace Hostdev.Sandbox.ApiServer.Serving;

/// <summary>A field of a message that clients send in the protobuf form. None of them is a number.</summary>
/// <param name="Number">In the message.</param>
/// <param name="Name">In JSON.</param>
internal abstract record ProtobufField(int Number, string Name)
{
    public sealed record Text(int Number, string Name) : ProtobufField(Number, Name);

    public sealed record Texts(int Number, string Name) : ProtobufField(Number, Name);

    /// <summary>Texts by their names: <c>map&lt;string, string&gt;</c>.</summary>
    public sealed record Map(int Number, string Name) : ProtobufField(Number, Name);

    public sealed record Message(int Number, string Name, ImmutableArray<ProtobufField> Fields) : ProtobufField(Number, Name);

    public sealed record Messages(int Number, string Name, ImmutableArray<ProtobufField> Fields) : ProtobufField(Number, Name);
}
