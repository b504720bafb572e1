using System.Collections.Immutable;
using Hostdev.Crds;
using Hostdev.Crds.Kinds;
using Hostdev.Planning;

namespace Hostdev.Tests.Planning;

/// <summary>What tests of PCI ask of a unit.</summary>
internal static class UnitWords
{
    extension(Unit unit)
    {
        public Handout.VfioGroup Group => Assert(unit);

        public PciAddress Primary => Assert(unit).Primary;

        public ImmutableArray<UnitMember> Assigned => Assert(unit).Assigned;

        public ImmutableArray<UnitMember> Held => Assert(unit).Held;

        public IEnumerable<UnitMember> Members => Assert(unit).Members;

        public IommuBackend IommuBackend => Assert(unit).IommuBackend;
    }

    private static Handout.VfioGroup Assert(Unit unit) => Xunit.Assert.IsType<Handout.VfioGroup>(unit.Handout);
}
