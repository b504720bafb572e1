using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Words;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Pci;

/// <summary>What planning asks of one PCI function.</summary>
internal static class FunctionQuestions
{
    extension(Situation situation)
    {
        /// <summary>What goes when this function loses its driver, ordered by address; empty for nearly all.</summary>
        public ImmutableArray<PciFunction> CarriedBy(PciAddress address) =>
            [
                .. situation
                    .Graph.Below(address, Bond.Carried)
                    .Select(d => d.AsPci)
                    .OfType<PciAddress>()
                    .Select(a => situation.Inventory.Functions[a]),
            ];

        /// <summary>
        /// What the function's network interfaces in this namespace are called, by their names first and then by their alternative ones.
        /// </summary>
        public IEnumerable<string> NamesOf(PciFunction function) => situation.NamesOf(function, ChildKind.NetworkInterface);

        /// <summary>
        /// What the interfaces below the function are called that stand for its virtual functions: these names are not its own.
        /// </summary>
        public IEnumerable<string> RepresentorsOf(PciFunction function) => situation.NamesOf(function, ChildKind.Representor);

        /// <summary>The driver a function has by the host's own choice, whatever we did to it since.</summary>
        public string? HostDriver(PciFunction function) =>
            situation.Input.Ownership.Functions.TryGetValue(function.Address, out var owned) ? owned.OriginalDriver : function.Driver;

        /// <summary>The physical function that a virtual one belongs to; null for others.</summary>
        public PciFunction? PhysicalOf(PciFunction function) =>
            function.PhysicalFunction is { } pf ? situation.Inventory.Functions.GetValueOrDefault(pf) : null;

        /// <summary>The SR-IOV of the physical function that a virtual one belongs to; null for others.</summary>
        public SriovCapability? SriovAbove(PciFunction function) => situation.PhysicalOf(function)?.Sriov;

        /// <summary>
        /// Why a function must be left as it is: what decides over it, or over its physical function, could not be read, and what it seems
        /// to be is a guess. Null when all could.
        /// </summary>
        public (Reason Reason, string Message)? Unreadable(PciFunction function)
        {
            var physical = situation.PhysicalOf(function);
            var problem = function.Unreadable.Concat(physical?.Unreadable ?? []).OrderBy(p => p.Unanswered).FirstOrDefault();
            if (problem is null)
                return null;
            // What is not answered because a write of ours has not returned has that write for its cause.
            var ours = problem.Unanswered
                ? situation.Input.Unreturned.FirstOrDefault(w =>
                    w.Device == function.Address || (physical is not null && w.Device == physical.Address)
                )
                : null;
            if (ours is not null)
                return (Reasons.StepTimedOut, $"{function.Address} is left as it is: {ours.InWords()}");
            // Advice that destroys the device is for what the kernel said of it, never for what was not answered in time.
            var advice = problem.Unanswered
                ? "nothing is wrong with it as far as is known, and it is read again; "
                    + "if it stays so, find who holds it or what keeps this machine busy"
                : "look at dmesg; a rescan (1 to its remove file, then to /sys/bus/pci/rescan) "
                    + "or a reboot often helps, else the device is failing";
            return (Reasons.Unreadable, $"{function.Address} is left as it is, because {problem}: {advice}");
        }

        private IEnumerable<string> NamesOf(PciFunction function, ChildKind kind)
        {
            var names = function.Children.Where(c => c.Kind == kind).Select(c => c.Name).ToList();
            return names.Concat(names.SelectMany(n => situation.Input.AlternativeNames.GetValueOrDefault(n, [])));
        }
    }
}
