namespace Hostdev.DevicePlugin.Kubelet.Grpc;

/// <summary>The status codes of gRPC, with the numbers of the protocol (grpc <c>doc/statuscodes.md</c>).</summary>
public enum GrpcStatusCode
{
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// <summary>
/// A call that ended with another status than OK. Thrown by a handler it becomes the status of the call; thrown by <see cref="GrpcClient"/> it is what the peer, or the transport, said.
/// </summary>
public sealed class GrpcStatusException : Exception
{
    public GrpcStatusException(GrpcStatusCode code, string message)
        : base(message) => Code = code;

    public GrpcStatusException(GrpcStatusCode code, string message, Exception inner)
        : base(message, inner) => Code = code;

    public GrpcStatusException()
    {
    }

    public GrpcStatusException(string message)
        : base(message)
    {
    }

    public GrpcStatusException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public GrpcStatusCode Code { get; } = GrpcStatusCode.Unknown;

    public override string ToString() => $"{Code}: {Message}";
}
