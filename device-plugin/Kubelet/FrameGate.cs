using System.Buffers;
using System.IO.Pipelines;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// The bytes of one HTTP/2 connection as they come, with every frame's header looked at before the server gets them. A peer that has used
/// up its <see cref="FrameBudget"/> is told GOAWAY, and its connection ends.
/// </summary>
internal sealed class FrameGate(IDuplexPipe inner, FrameBudget budget) : IDuplexPipe
{
    public PipeReader Input { get; } = new Reader(inner.Input, new FrameHeaders(budget));

    public PipeWriter Output { get; } = new Writer(inner.Output, budget);

    /// <summary>Where in the stream of frames the next byte stands (RFC 9113, 3.4 and 4.1).</summary>
    private sealed class FrameHeaders(FrameBudget budget)
    {
        private const int HeaderBytes = 9;

        private readonly byte[] _header = new byte[HeaderBytes];
        private int _skip = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".Length;
        private int _have;

        /// <exception cref="InvalidDataException">Too many frames that carry nothing.</exception>
        public void Look(ReadOnlySpan<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                if (_skip > 0)
                {
                    var skipped = Math.Min(_skip, bytes.Length);
                    _skip -= skipped;
                    bytes = bytes[skipped..];
                    continue;
                }

                var taken = Math.Min(HeaderBytes - _have, bytes.Length);
                bytes[..taken].CopyTo(_header.AsSpan(_have));
                _have += taken;
                bytes = bytes[taken..];
                if (_have < HeaderBytes)
                    return;
                (_have, _skip) = (0, (_header[0] << 16) | (_header[1] << 8) | _header[2]);
                // Kestrel writes an exception of its input into its log, which is nobody's, and GOAWAY to the peer.
                if (!budget.Take(_header[3], _header[4], _skip))
                    throw new InvalidDataException("too many frames that carry nothing");
            }
        }
    }

    private sealed class Reader(PipeReader inner, FrameHeaders headers) : PipeReader
    {
        private ReadOnlySequence<byte> _buffer;
        private long _looked; // of what the buffer begins with

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            Look(await inner.ReadAsync(cancellationToken));

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
                return false;
            Look(result);
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            _looked -= _buffer.Slice(_buffer.Start, consumed).Length;
            _buffer = default;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);

        private ReadResult Look(ReadResult result)
        {
            _buffer = result.Buffer;
            foreach (var segment in _buffer.Slice(_looked))
                headers.Look(segment.Span);
            _looked = _buffer.Length;
            return result;
        }
    }

    private sealed class Writer(PipeWriter inner, FrameBudget budget) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes)
        {
            budget.Sent(bytes);
            inner.Advance(bytes);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);
    }
}
