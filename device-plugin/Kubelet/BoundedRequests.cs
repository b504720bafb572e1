using System.Buffers;
using Google.Protobuf;
using Grpc.Core;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Binds a service whose requests are counted before they are read: a field of two bytes becomes an object of a hundred, and whoever may
/// call could make a few connections hold many times what they sent. What a message does not know is passed over, and not kept.
/// </summary>
internal sealed class BoundedRequests(IReadOnlyList<RequestBound> bounds) : ServiceBinderBase
{
    private readonly ServerServiceDefinition.Builder _service = ServerServiceDefinition.CreateBuilder();

    /// <param name="bind">The service's own <c>BindService</c>.</param>
    /// <param name="bounds">One for each message that it is asked by.</param>
    public static ServerServiceDefinition Bind(Action<ServiceBinderBase> bind, params RequestBound[] bounds)
    {
        var binder = new BoundedRequests(bounds);
        bind(binder);
        return binder._service.Build();
    }

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method,
        UnaryServerMethod<TRequest, TResponse>? handler
    ) => _service.AddMethod(Bounded(method), handler!);

    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method,
        ServerStreamingServerMethod<TRequest, TResponse>? handler
    ) => _service.AddMethod(Bounded(method), handler!);

    private Method<TRequest, TResponse> Bounded<TRequest, TResponse>(Method<TRequest, TResponse> method)
        where TRequest : class
        where TResponse : class
    {
        var bound = bounds.First(b => b.Message == typeof(TRequest));
        var requests = Marshallers.Create(
            method.RequestMarshaller.ContextualSerializer,
            context => (TRequest)bound.Read(context.PayloadAsReadOnlySequence())
        );
        return new Method<TRequest, TResponse>(method.Type, method.ServiceName, method.Name, requests, method.ResponseMarshaller);
    }
}

/// <summary>How much of one message is taken.</summary>
internal sealed class RequestBound
{
    private readonly MessageParser _parser;
    private readonly int _most;
    private readonly string _what;

    private RequestBound(Type message, MessageParser parser, int most, string what) =>
        (Message, _parser, _most, _what) = (message, parser, most, what);

    public Type Message { get; }

    /// <param name="most">Of its fields, each value of a repeated one counted, not of those below them.</param>
    /// <param name="what">What its fields are, for the refusal: <c>containers</c>.</param>
    public static RequestBound Of<T>(MessageParser<T> parser, int most, string what)
        where T : IMessage<T> => new(typeof(T), parser.WithDiscardUnknownFields(true), most, what);

    /// <exception cref="RpcException">It is for more than that.</exception>
    /// <exception cref="InvalidProtocolBufferException">It is no such message.</exception>
    public IMessage Read(ReadOnlySequence<byte> message)
    {
        var count = Fields(message);
        return count <= _most
            ? _parser.ParseFrom(message)
            : throw new RpcException(
                new Status(StatusCode.InvalidArgument, $"the request is for {count} {_what}, and {_most} are taken at most")
            );
    }

    /// <summary>
    /// How many fields a message has on its first level (protobuf.dev/programming-guides/encoding). Of a broken one those before the
    /// damage, of which its parser speaks.
    /// </summary>
    private static int Fields(ReadOnlySequence<byte> message)
    {
        var reader = new SequenceReader<byte>(message);
        var count = 0;
        while (TryReadVarint(ref reader, out var tag) && TrySkip(ref reader, (int)(tag & 7)))
            count++;
        return count;
    }

    private static bool TrySkip(ref SequenceReader<byte> reader, int wireType) =>
        wireType switch
        {
            0 => TryReadVarint(ref reader, out _),
            1 => TryAdvance(ref reader, 8),
            2 => TryReadVarint(ref reader, out var length) && TryAdvance(ref reader, length),
            3 or 4 => true, // the begin and the end of a group, whose fields stand between them
            5 => TryAdvance(ref reader, 4),
            _ => false,
        };

    private static bool TryAdvance(ref SequenceReader<byte> reader, ulong bytes)
    {
        if (bytes > (ulong)reader.Remaining)
            return false;
        reader.Advance((long)bytes);
        return true;
    }

    private static bool TryReadVarint(ref SequenceReader<byte> reader, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 64 && reader.TryRead(out var part); shift += 7)
        {
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
                return true;
        }

        return false;
    }
}
