using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>Nothing may be written to the host now, whatever is desired: neither taken nor given back.</summary>
/// <param name="Message">Why, and what lifts it.</param>
/// <param name="OffersNothingNew">Whether what no pod has is not given out either; else what is in force is offered on.</param>
public sealed record Halt(Reason Reason, string Message, bool OffersNothingNew)
{
    /// <summary>The break-glass file is there.</summary>
    /// <param name="words">The first line of the file; empty when it has none.</param>
    public static Halt Disabled(string path, string words) =>
        new(
            Reasons.Disabled,
            $"{path} is there{(words.Length == 0 ? "" : $" and says \"{words}\"")}: nothing is taken from the host or "
                + $"given back, and nothing new is offered; pods keep what they have. To go on: rm {path}",
            OffersNothingNew: true
        );

    /// <summary>The journal cannot be read.</summary>
    /// <param name="words">Which line, why, and the remedy.</param>
    public static Halt JournalDamaged(string words) =>
        new(Reasons.JournalDamaged, $"{words}. Meanwhile nothing new is offered; pods keep what they have", OffersNothingNew: true);

    /// <summary>Boots ended again and again while this desired state was being applied.</summary>
    public static Halt BootLoop(string path, int boots) =>
        new(
            Reasons.BootLoop,
            $"the last {boots} boots of this machine ended while this desired state was being applied: it is not "
                + "applied again, and what is in force is offered. Change the desired state (any change lifts this); or, "
                + $"when something else ended the boots: rm {path}",
            OffersNothingNew: false
        );
}
