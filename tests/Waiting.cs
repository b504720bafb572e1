using System.Runtime.CompilerServices;
using Xunit;

namespace Hostdev.Tests;

/// <summary>Waits for a condition instead of a time.</summary>
internal static class Waiting
{
    /// <summary>Returns as soon as the condition holds; fails with its text when it does not within <paramref name="seconds"/>.</summary>
    public static async Task UntilAsync(
        Func<bool> condition,
        double seconds = 10,
        Func<string>? state = null,
        [CallerArgumentExpression(nameof(condition))] string text = ""
    )
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(start).TotalSeconds > seconds)
                Assert.Fail($"not within {seconds} s: {text}{(state is null ? "" : $"; {state()}")}");
            await Task.Delay(2);
        }
    }

    /// <summary>The same for a condition that has to ask somebody.</summary>
    public static async Task UntilAsync(
        Func<Task<bool>> condition,
        double seconds,
        Func<Task<string>>? state = null,
        [CallerArgumentExpression(nameof(condition))] string text = ""
    )
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(start).TotalSeconds > seconds)
                Assert.Fail($"not within {seconds} s: {text}{(state is null ? "" : $"; {await state()}")}");
            await Task.Delay(10);
        }
    }
}
