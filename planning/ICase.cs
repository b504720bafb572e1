using Hostdev.Crds.Words;

namespace Hostdev.Planning;

/// <summary>What checks judge: one thing that is asked for, with everything that decides over it.</summary>
internal interface ICase
{
    /// <summary>Why a rule that became stricter leaves it as it is; null where it is new.</summary>
    string? WhyItStays => null;

    /// <summary>What an admin reads about it.</summary>
    Finding Say(FindingState state, Reason reason, string message);
}
