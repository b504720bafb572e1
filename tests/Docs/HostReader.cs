using System.Runtime.Versioning;
using Hostdev.Sandbox.Demo;
using Hostdev.Sandbox.Kernel;

namespace Hostdev.Tests.Docs;

/// <summary>
/// Reads pages on a simulated host that has just booted: <c>inventory</c>, <c>plan</c> and <c>explain</c> of hostdev-device-plugin are
/// those of <c>hostdev-sandbox host</c>, and <c>/sys</c> is the machine's.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class HostReader : IDisposable
{
    private static readonly string[] s_ofThePackage = ["/etc/hostdev", "/run/hostdev", "/var/lib/hostdev"];

    private readonly SimulatedKernel _kernel;
    private readonly DirectoryInfo _programs = Directory.CreateTempSubdirectory("hostdev-reader-path-");
    private readonly PageReader _reader;

    /// <param name="machine">One of <see cref="DemoHosts.Names"/>.</param>
    public HostReader(string machine)
    {
        _kernel = DemoHosts.Boot(machine, seed: 1);
        foreach (var directory in s_ofThePackage)
            Directory.CreateDirectory(_kernel.Paths.Resolve(directory));
        var (program, sandbox) = (
            Path.Combine(_programs.FullName, "hostdev-device-plugin"),
            Path.Combine(AppContext.BaseDirectory, "hostdev-sandbox")
        );
        var state = _kernel.Paths.Resolve("/var/lib/hostdev");
        File.WriteAllText(program, $"#!/bin/sh\nexec \"{sandbox}\" host {machine} -- \"$@\" --state-dir \"{state}\"\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _reader = new PageReader(
            [("PATH", $"{_programs.FullName}:{Environment.GetEnvironmentVariable("PATH")}"), ("NODE_NAME", machine)],
            _kernel.Paths
        );
    }

    /// <param name="place">With the machine's name; see <see cref="MarkdownBlock.Place"/>.</param>
    public Task ReadAsync(MarkdownPage page, string place) => _reader.ReadAsync(page, place);

    public void Dispose()
    {
        _reader.Dispose();
        _programs.Delete(recursive: true);
        _kernel.Dispose();
    }
}
