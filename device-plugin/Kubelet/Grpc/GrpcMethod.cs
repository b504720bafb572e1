using Google.Protobuf;

namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>One method of a service, the same value for the server and the client of it.</summary>
/// <param name="Service">Full service name with its package, for example <c>v1beta1.DevicePlugin</c>.</param>
public sealed record GrpcMethod<TRequest, TResponse>(string Service, string Name, MessageParser<TRequest> Request, MessageParser<TResponse> Response)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    /// <summary>The HTTP path of the method (grpc <c>doc/PROTOCOL-HTTP2.md</c>, "Path").</summary>
    public string Path { get; } = $"/{Service}/{Name}";
}
