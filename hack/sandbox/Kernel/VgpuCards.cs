using System.Globalization;
using Hostdev.DevicePlugin.Host;

namespace Hostdev.Sandbox.Kernel;

/// <summary>
/// Virtual functions that their driver gives a type of vGPU (contracts/vgpu.md, "vendor VFIO"): it offers them to VFIO itself, and its
/// <c>nvidia</c> directory is on each. What can be created depends on the room that is left on the card; a function with a type lists
/// nothing; after the first type the others list that framebuffer's size alone.
/// </summary>
internal sealed class VgpuCards(KernelCore core, MachineDescription machine, VfioBus vfio)
{
    private const string Header = "ID    : vGPU Name\n";

    /// <summary>The virtual functions that have the directory, each with its type, null for none.</summary>
    private readonly Dictionary<PciDevice, VgpuTypeDescription?> _types = [];

    /// <summary>The driver has taken a virtual function.</summary>
    public void Add(PciDevice function)
    {
        if (function.PhysicalFunction is not { } card || CardOf(card) is not { } description || function.Group is not { } group)
            return;
        function.Vfio = vfio.Register(function.Address.ToString(), function.Path, group);
        function.Vfio.RefusesOpen = () => _types[function] is null ? Errno.EINVAL : null;
        _types.Add(function, null);
        var directory = function.Path + "/nvidia";
        core.Tree.AddDirectory(
            directory,
            files =>
            {
                files.WriteFile("current_vgpu_type", "0\n");
                files.Attribute("gpu_instance_id", "4294967295");
                files.Attribute("placement_id", "4294967295");
                files.WriteFile("vgpu_params", "");
            }
        );
        core.Attribute(directory + "/current_vgpu_type", text => Write(function, description, text));
        List(card, description);
        function.Undo.Push(() =>
        {
            core.DropAttributes(directory);
            core.Tree.Remove(directory);
            _types.Remove(function);
            List(card, description);
        });
    }

    private VgpuCardDescription? CardOf(PciDevice card) => machine.VgpuCards.FirstOrDefault(c => c.Function == card.Address);

    private Errno Write(PciDevice function, VgpuCardDescription card, string text)
    {
        if (!KernelNumber.TryUnsigned(text, out var id))
            return Errno.EINVAL;
        var wanted = card.Types.FirstOrDefault(t => t.Id == (int)id);
        if (id != 0 && (wanted is null || _types[function] is not null || !Creatable(function.PhysicalFunction!, card).Contains(wanted)))
        {
            core.Print($"{function.Driver!.Name} {function.Address}: vGPU type {id} cannot be created");
            return Errno.EINVAL;
        }

        _types[function] = id == 0 ? null : wanted;
        core.Tree.WriteFile(function.Path + "/nvidia/current_vgpu_type", string.Create(CultureInfo.InvariantCulture, $"{id}\n"));
        List(function.PhysicalFunction!, card);
        return Errno.None;
    }

    private List<VgpuTypeDescription> Creatable(PciDevice card, VgpuCardDescription description)
    {
        var there = card.Vfs.Values.Select(vf => _types.GetValueOrDefault(vf)).OfType<VgpuTypeDescription>().ToList();
        var room = description.Framebuffer - there.Sum(t => t.Framebuffer);
        return [.. description.Types.Where(t => t.Framebuffer <= room && there.TrueForAll(o => o.Framebuffer == t.Framebuffer))];
    }

    private void List(PciDevice card, VgpuCardDescription description)
    {
        var lines = string.Concat(
            Creatable(card, description).Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Id, -5} : {t.Name}\n"))
        );
        foreach (var function in card.Vfs.Values.Where(_types.ContainsKey))
            core.Tree.WriteFile(function.Path + "/nvidia/creatable_vgpu_types", _types[function] is null ? Header + lines : "", 0x124);
    }
}
