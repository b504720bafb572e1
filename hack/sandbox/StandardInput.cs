namespace Hostdev.Sandbox;

/// <summary>What a command that holds something waits for.</summary>
internal static class StandardInput
{
    /// <summary>Ends when stdin closes or a signal arrives.</summary>
    // The read cannot be cancelled, so the signal does not wait for it: the process is about to end.
    public static async Task EndAsync(CancellationToken cancellationToken)
    {
        var ended = new TaskCompletionSource();
        await using var signalled = cancellationToken.Register(ended.SetResult);
        using var input = Console.OpenStandardInput();
        var reader = Task.Run(
            () =>
            {
                Span<byte> buffer = stackalloc byte[256];
                while (input.Read(buffer) > 0)
                {
                    // What is typed means nothing; only its end does.
                }
            },
            CancellationToken.None
        );
        await Task.WhenAny(reader, ended.Task);
    }
}
