using Hostdev.Tests.Scenarios;
using Xunit;

namespace Hostdev.Tests.Telemetry;

/// <summary>Prometheus' own reader of metrics, and its lint: an independent peer of ours.</summary>
internal static class Promtool
{
    /// <summary>Fails with what it has against a page of metrics.</summary>
    public static void Check(string metrics)
    {
        var program = Repository.Path("artifacts", "unpacked", "prometheus", "promtool");
        Assert.True(File.Exists(program), $"{program} is not there: run hack/promtool, which unpacks it");
        var page = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        File.WriteAllText(page, metrics);
        try
        {
            var said = Command.Try("/bin/sh", "-c", "exec \"$0\" check metrics <\"$1\"", program, page);
            Assert.True(said is null, said);
        }
        finally
        {
            File.Delete(page);
        }
    }
}
