using System.Runtime.InteropServices;
using Xunit;

namespace Hostdev.Tests.Host;

/// <summary>A file whose read blocks as the kernel's does: opening a pipe to read waits for somebody who writes.</summary>
internal static partial class Fifo
{
    public static void Create(string path)
    {
        File.Delete(path);
        Assert.Equal(0, MakeFifo(path, 0x180));
    }

    /// <summary>Lets the waiting read go on.</summary>
    public static void Answer(string path, string text)
    {
        using var writer = new FileStream(path, FileMode.Open, FileAccess.Write);
        writer.Write(System.Text.Encoding.UTF8.GetBytes(text));
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);
}
