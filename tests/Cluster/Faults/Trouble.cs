using Hostdev.Sandbox.ApiServer;
using Hostdev.Sandbox.ApiServer.Faults;

namespace Hostdev.Tests.Cluster.Faults;

/// <summary>One thing that goes wrong with the API server, of each kind that it knows.</summary>
internal sealed record Trouble(string Text, Func<SimulatedApiServer, Task> BeginAsync)
{
    private static readonly string[] s_writes = ["patch", "create", "update"];
    private static readonly string[] s_reads = ["list", "watch"];

    public static Trouble Next(Random random)
    {
        var (share, times) = (0.2 + (0.6 * random.NextDouble()), random.Next(1, 8));
        return random.Next(12) switch
        {
            0 => Fault("connections cut before the work", new ApiFault.CutBefore(), null, share, times),
            1 => Fault("answers cut", new ApiFault.CutAnswer(random.Next(3) * 0.45), null, share, times),
            2 => Fault("watches cut", new ApiFault.CutWatch(random.Next(3), random.Next(2) == 0), "watch", share, times),
            3 => Fault("slow", new ApiFault.Slow(TimeSpan.FromSeconds(random.Next(1, 40))), null, share / 2, times),
            4 => Fault("409", new ApiFault.Refuse(409), s_writes[random.Next(s_writes.Length)], share, times),
            5 => Fault("410", new ApiFault.Refuse(410), s_reads[random.Next(s_reads.Length)], share, times),
            6 => Fault("429", new ApiFault.Refuse(429, RetryAfterSeconds: random.Next(1, 3)), null, share, times),
            7 => Fault("500", new ApiFault.Refuse(500), null, share, times),
            8 => Fault("503 or 504", new ApiFault.Refuse(random.Next(2) == 0 ? 503 : 504), null, share, times),
            9 => new Trouble(
                "history compacted and connections cut",
                server =>
                {
                    server.CompactHistory();
                    server.CutConnections();
                    return Task.CompletedTask;
                }
            ),
            10 => new Trouble(
                "connections cut",
                server =>
                {
                    server.CutConnections();
                    return Task.CompletedTask;
                }
            ),
            _ => new Trouble(
                "the server goes away and comes back",
                async server =>
                {
                    await server.StopAsync();
                    await Task.Delay(5);
                    await server.StartAsync();
                }
            ),
        };
    }

    public override string ToString() => Text;

    private static Trouble Fault(string text, ApiFault fault, string? verb, double share, int times) =>
        new(
            $"{text} ({verb ?? "any verb"}, {share:P0}, {times} times at most)",
            server =>
            {
                server.Faults.Add(
                    new FaultRule(fault)
                    {
                        Verb = verb,
                        Probability = share,
                        Times = times,
                    }
                );
                return Task.CompletedTask;
            }
        );
}
