using Hostdev.Crds;
using Hostdev.Planning.Inventory;

namespace Hostdev.Planning.Mdev;

/// <summary>A mediated device that is to be there, and for whom.</summary>
internal sealed record MdevTarget(MdevUuid Uuid, MdevParent Parent, string TypeId, string PolicyUid);
