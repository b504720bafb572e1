using System.ComponentModel;
using System.Diagnostics;
using System.Net;

namespace Hostdev.Kubectl.Commands;

/// <summary>
/// Opens an address that has a secret in the user's browser. Everybody on the machine sees what programs are started with, so that the
/// browser is given a file that leads there, which nobody else may read; it is there until this is disposed of.
/// </summary>
internal sealed class BrowserOpener : IDisposable
{
    private readonly DirectoryInfo _directory;

    private BrowserOpener(DirectoryInfo directory) => _directory = directory;

    /// <param name="note">Takes a sentence where it cannot be.</param>
    /// <returns>Null where no browser was opened.</returns>
    public static BrowserOpener? Open(Uri address, Action<string> note)
    {
        string[] screens = ["DISPLAY", "WAYLAND_DISPLAY"];
        if (screens.All(s => string.IsNullOrEmpty(Environment.GetEnvironmentVariable(s))))
            return null; // there is no screen: whoever is here by ssh copies the address
        var opener = new BrowserOpener(Directory.CreateTempSubdirectory("kubectl-hostdev-"));
        try
        {
            var file = Path.Combine(opener._directory.FullName, "open.html"); // the directory is its user's alone
            var target = WebUtility.HtmlEncode(address.ToString());
            File.WriteAllText(
                file,
                $"<!doctype html><meta http-equiv=\"refresh\" content=\"0; url={target}\"><a href=\"{target}\">Open</a>\n"
            );
            var start = new ProcessStartInfo("xdg-open", [file])
            {
                UseShellExecute = false,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using var started = Process.Start(start);
            return opener;
        }
        catch (Exception e) when (e is Win32Exception or IOException or UnauthorizedAccessException)
        {
            note($"no browser could be opened: {e.Message}: open the address yourself");
            opener.Dispose();
            return null;
        }
    }

    public void Dispose()
    {
        try
        {
            _directory.Delete(recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody tidied up.
        }
    }
}
