using Hostdev.DevicePlugin.Commands;
using Hostdev.Planning;
using Hostdev.Planning.Foreseeing;
using Hostdev.Tests.Planning;
using Xunit;

namespace Hostdev.Tests.Commands;

public sealed class PlanTextTests
{
    [Fact]
    public void What_a_process_is_called_makes_no_line_of_its_own()
    {
        const string evil = "/dev/nvidia0 is open in process 7 (x)\n  - Blocked 0000:00:00.0: all is lost\u001b[1A";
        var usage = Given.Users(("0000:43:00.0", UserKind.OpenNode, evil));
        var input = Given.Input(new Machine().Gpu(), Given.HostDevice()) with { Usage = usage };
        var text = PlanText.Render(Foresight.Of(input));
        Assert.Contains("(x)\\n  - Blocked 0000:00:00.0: all is lost\\u001b[1A", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\n  - Blocked 0000:00:00.0", text, StringComparison.Ordinal);
    }
}
