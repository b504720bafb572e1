using System.CommandLine;
using System.Net.Sockets;

namespace Hostdev.Sandbox.Demo;

/// <summary><c>hack/demo unplug</c> and <c>plug</c>: hands in the machine room of the demo that runs.</summary>
internal static class SlotCommand
{
    public static Command Create(string verb, string description)
    {
        var node = new Argument<string>("node") { Description = "As kubectl get nodes lists it." };
        var device = new Argument<string>("device")
        {
            Description = "A PCI address (0000:11:00.0: the whole card), or a USB device by its socket (0000:84:00.0/1).",
        };
        var kubeconfig = new Option<string?>("--kubeconfig")
        {
            Description = "Of the demo; KUBECONFIG by default.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("KUBECONFIG"),
        };
        var command = new Command(verb, description) { node, device, kubeconfig };
        command.SetAction(
            async (parsed, cancellationToken) =>
            {
                var (output, errors) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
                if (parsed.GetValue(kubeconfig) is not { Length: > 0 } file)
                {
                    await errors.WriteLineAsync("demo: KUBECONFIG is not set: export the one that the running hack/demo printed");
                    return 1;
                }

                try
                {
                    var answer = await SlotServer.AskAsync(file, verb, parsed.GetValue(node)!, parsed.GetValue(device)!, cancellationToken);
                    await (answer.IsDone ? output : errors).WriteLineAsync($"demo: {answer.Text}");
                    return answer.IsDone ? 0 : 1;
                }
                catch (SocketException)
                {
                    await errors.WriteLineAsync(
                        $"demo: no demo that has told its story runs beside {file}: export the KUBECONFIG that hack/demo printed"
                    );
                    return 1;
                }
            }
        );
        return command;
    }
}
