using System.CommandLine;

namespace Hostdev.Operator.Commands;

/// <summary><c>hostdev-operator give-back</c>: before uninstalling, every host gets back what was taken from it.</summary>
internal static class GiveBackCommand
{
    public static Command Create()
    {
        var undo = new Option<bool>("--undo") { Description = "Nodes get their policies again." };
        return WaitingCommand.Create(
            "give-back",
            "Let all nodes give everything back, whatever the policies say, and wait for it. VMs keep what they have until they end.",
            until: "everything is given back",
            seconds: 300,
            stopped: "the nodes go on giving back; run it again to wait for them, or with --undo",
            async (given, parsed, cancellationToken) =>
            {
                var giveBack = new GiveBack(given.Client, given.Agents, given.Say, TimeProvider.System);
                if (!parsed.GetValue(undo))
                    return await giveBack.RunAsync(given.Timeout, cancellationToken).ConfigureAwait(false);
                await giveBack.UndoAsync(cancellationToken).ConfigureAwait(false);
                return true;
            },
            undo
        );
    }
}
