using System.Runtime.Versioning;
using Xunit;

namespace Hostdev.Tests.Docs;

/// <summary>What pages say of a host is so: their blocks <c>sh host MACHINE</c>, on that machine simulated.</summary>
[SupportedOSPlatform("linux")]
[Trait(Pace.Name, Pace.Slow)]
public sealed class HostRunTests
{
    public static TheoryData<string, string> ThatAreRun
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var page in Pages.All)
            foreach (var place in page.Blocks.Select(b => b.Place).Where(IsHost).Distinct(StringComparer.Ordinal))
                data.Add(page.Name, place);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(ThatAreRun))]
    public async Task A_page_prints_what_it_says_of_a_host(string page, string place)
    {
        using var reader = new HostReader(place[MarkdownBlock.OnHost.Length..]);
        await reader.ReadAsync(MarkdownPage.Read(page), place);
    }

    [Fact]
    public async Task Paths_of_the_host_are_those_of_the_machine_and_are_told_so()
    {
        var page = MarkdownPage.Of(
            "page.md",
            """
            ```yaml
            # /etc/hostdev/desired.yaml
            policies: []
            ```

            ```sh host net-1
            cat /sys/bus/pci/devices/0000:b0:00.0/sriov_totalvfs
            ls /etc/hostdev/*
            hostdev-device-plugin plan --desired /etc/hostdev/absent.yaml || [ $? = 1 ]
            ```

            ```text
            8
            /etc/hostdev/desired.yaml
            hostdev-device-plugin: --desired is /etc/hostdev/absent.yaml, which does not exist: ...
            ```
            """
        );
        using var reader = new HostReader("net-1");
        await reader.ReadAsync(page, "host net-1");
    }

    private static bool IsHost(string place) => place.StartsWith(MarkdownBlock.OnHost, StringComparison.Ordinal);
}
