using System.Collections.Immutable;

namespace Hostdev.Planning.Foreseeing;

/// <summary>
/// The whole way: what is planned now, and what is planned when that is done, until nothing is left to do. Pure, like the planner that it
/// asks: whoever has an inventory can ask it, on the host or far from it.
/// </summary>
public static class Foresight
{
    /// <summary>
    /// How many plans with something to do there may be, one after another. Virtual functions that others take the place of need four, and
    /// each type of mediated device on one parent one more; more than this means that two rules undo each other's work.
    /// </summary>
    public const int MostRounds = 16;

    /// <summary>
    /// Plans, does on paper what is planned, and plans again. Nothing changes from outside meanwhile: who uses a device now uses it to the
    /// end. Files whose values are not among the input's are taken for not set yet.
    /// </summary>
    public static ForeseenWay Of(PlanningInput input)
    {
        var machine = ForeseenMachine.Of(input);
        var rounds = ImmutableArray.CreateBuilder<Plan>();
        while (true)
        {
            (var plan, machine) = machine.Plan();
            if (plan.Lanes.IsEmpty || rounds.Count == MostRounds)
            {
                return new ForeseenWay
                {
                    Rounds = rounds.ToImmutable(),
                    End = plan,
                    Before = input,
                    After = machine.Input,
                    Assumptions = machine.Assumptions,
                };
            }

            rounds.Add(plan);
            machine = machine.After(plan);
        }
    }
}
