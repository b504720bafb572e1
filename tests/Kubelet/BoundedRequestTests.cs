using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
using Hostdev.DevicePlugin.Kubelet;
using Hostdev.DevicePlugin.Kubelet.Protos;
using Xunit;

namespace Hostdev.Tests.Kubelet;

/// <summary>A request is counted before anything is made of it.</summary>
public sealed class BoundedRequestTests
{
    private static readonly RequestBound s_bound = RequestBound.Of(AllocateRequest.Parser, 16, "containers");

    [Theory]
    [InlineData(16, null)]
    [InlineData(17, "the request is for 17 containers, and 16 are taken at most")]
    [InlineData(65_000, "the request is for 65000 containers, and 16 are taken at most")]
    public void Empty_containers_are_counted_and_no_object_is_made_of_too_many(int number, string? refusal)
    {
        var message = new byte[2 * number];
        for (var i = 0; i < number; i++)
            message[2 * i] = 0x0a;
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(refusal, Refusal(message));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 10);
    }

    /// <summary>Numbers of 4 and 8 bytes, groups, and texts: what a later kubelet may send beside what is known.</summary>
    [Fact]
    public void Fields_of_every_form_are_counted_once_and_what_is_not_known_is_not_kept()
    {
        byte[] later =
        [
            0x0a,
            3,
            0x0a,
            1,
            (byte)'a',
            0x10,
            0x96,
            1,
            0x1d,
            0,
            0,
            0,
            0,
            0x21,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0x2a,
            2,
            0x0a,
            0x0a,
            0x33,
            0x34,
        ];
        var read = (AllocateRequest)s_bound.Read(new ReadOnlySequence<byte>(later));
        Assert.Equal(new AllocateRequest { ContainerRequests = { new ContainerAllocateRequest { DevicesIds = { "a" } } } }, read);
        Assert.Equal(
            "the request is for 7 containers, and 6 are taken at most",
            Assert
                .Throws<RpcException>(() =>
                    RequestBound.Of(AllocateRequest.Parser, 6, "containers").Read(new ReadOnlySequence<byte>(later))
                )
                .Status.Detail
        );
    }

    [Theory]
    [InlineData(new byte[] { 0x0a })]
    [InlineData(new byte[] { 0x0a, 5, 1 })]
    [InlineData(new byte[] { 0x09, 1 })]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 })]
    public void A_broken_message_is_its_parsers_to_name(byte[] message) =>
        Assert.Throws<InvalidProtocolBufferException>(() => s_bound.Read(new ReadOnlySequence<byte>(message)));

    private static string? Refusal(byte[] message)
    {
        try
        {
            s_bound.Read(new ReadOnlySequence<byte>(message));
            return null;
        }
        catch (RpcException e)
        {
            return e.Status.Detail;
        }
    }
}
