using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Hostdev.DevicePlugin.Kubelet;

/// <summary>
/// Resets a call whose request does not come to its end. HTTP/2's ENHANCE_YOUR_CALM, which gRPC reads as RESOURCE_EXHAUSTED.
/// </summary>
internal sealed class RequestDeadline : IDisposable
{
    private const int EnhanceYourCalm = 0xb;

    private readonly Lock _gate = new();
    private readonly HttpContext _context;
    private readonly Timer _timer;
    private bool _isOver;

    public RequestDeadline(HttpContext context, TimeSpan limit)
    {
        _context = context;
        _timer = new Timer(d => ((RequestDeadline)d!).Reset(), this, limit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The request is there, or its call has ended: Kestrel uses the stream for another.</summary>
    public void Dispose()
    {
        lock (_gate)
            _isOver = true;
        _timer.Dispose();
    }

    private void Reset()
    {
        lock (_gate)
        {
            if (!_isOver)
                _context.Features.Get<IHttpResetFeature>()?.Reset(EnhanceYourCalm);
        }
    }
}
