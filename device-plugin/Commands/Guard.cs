using Hostdev.DevicePlugin.Applying;

namespace Hostdev.DevicePlugin.Commands;

/// <summary>What may go wrong in a command that looks and prints ends in a sentence, a full disk behind its output too.</summary>
internal static class Guard
{
    /// <returns>What <paramref name="action"/> returns; 1 where it could not be done.</returns>
    public static int Run(TextWriter errors, Func<int> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is FormatException or JournalException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine($"hostdev-device-plugin: {e.Message}");
            return 1;
        }
    }
}
