using Hostdev.Crds;
using Hostdev.DevicePlugin.Host;
using Hostdev.Tests.Lab;
using Xunit;

namespace Hostdev.Tests.Host;

[Trait(LabFacts.Where, LabFacts.Lab)]
public sealed class UeventsOnRealKernelTests : IAsyncDisposable
{
    private static readonly PciAddress Igb = Sysfs.Address("41:00.0");
    private static readonly PciAddress Edu = Sysfs.Address("46:00.0");
    private readonly UeventSource source = UeventSource.Open();
    private readonly CancellationTokenSource patience = new(TimeSpan.FromSeconds(60));

    public async ValueTask DisposeAsync()
    {
        await source.DisposeAsync();
        patience.Dispose();
        Sysfs.Restore(Igb, Edu);
    }

    [LabFact]
    public async Task Tells_of_a_bind_and_an_unbind()
    {
        Sysfs.Bind(Edu, "vfio-pci");
        var bind = await WaitFor(e =>
            e is { Action: "bind", Subsystem: "pci" } && e.DevPath.EndsWith(Edu.ToString(), StringComparison.Ordinal)
        );
        Assert.Equal(("vfio-pci", Edu.ToString()), (bind.Properties["DRIVER"], bind.Properties["PCI_SLOT_NAME"]));
        Sysfs.Unbind(Edu);
        var unbind = await WaitFor(e => e is { Action: "unbind", Subsystem: "pci" });
        Assert.False(unbind.Properties.ContainsKey("DRIVER"));
    }

    [LabFact]
    public async Task Tells_of_new_virtual_functions_and_then_of_their_physical_function()
    {
        Sysfs.MakeVirtualFunctions(Igb, 3);
        var seen = new List<Uevent>();
        await WaitFor(e =>
        {
            seen.Add(e);
            return e is { Action: "change", Subsystem: "pci" } && e.DevPath.EndsWith(Igb.ToString(), StringComparison.Ordinal);
        });
        Assert.Equal(3, seen.Count(e => e is { Action: "add", Subsystem: "pci" }));
    }

    [LabFact]
    public async Task Makes_one_batch_of_a_burst()
    {
        for (var i = 0; i < 50; i++)
            Sysfs.Write(Edu, "uevent", "change");
        var batch = await source.NextAsync(patience.Token);
        while (batch.Events.Length < 50)
        {
            var next = await source.NextAsync(patience.Token);
            batch = new UeventBatch([.. batch.Events, .. next.Events], batch.Lost | next.Lost);
        }

        Assert.False(batch.Lost);
        Assert.All(batch.Events, e => Assert.NotEmpty(e.DevPath));
    }

    [LabFact]
    public async Task Stops_when_told_to()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await source.NextAsync(new CancellationToken(canceled: true)));
        await source.DisposeAsync();
        await source.DisposeAsync();
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            while (true)
                await source.NextAsync(patience.Token);
        });
    }

    private async Task<Uevent> WaitFor(Func<Uevent, bool> isWanted)
    {
        while (true)
        {
            foreach (var uevent in (await source.NextAsync(patience.Token)).Events)
                if (isWanted(uevent))
                    return uevent;
        }
    }
}
