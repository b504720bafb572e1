using System.Collections.Immutable;
using System.Text.Json.Serialization.Metadata;

namespace Hostdev.Kubectl.Printing;

/// <summary>A column of a table.</summary>
/// <param name="Header">Upper case, as kubectl writes it.</param>
/// <param name="Cell">Any text: what is not printable becomes so. Null and empty are shown as kubectl shows them.</param>
/// <param name="IsWide">Only with <see cref="OutputForm.Wide"/>.</param>
public sealed record Column<T>(string Header, Func<T, string?> Cell, bool IsWide = false);

/// <summary>How rows of one kind are printed, in all forms.</summary>
/// <param name="Kind">What the whole is called in JSON and YAML: <c>DeviceList</c>.</param>
public sealed record Listing<T>(string Kind, ImmutableArray<Column<T>> Columns, JsonTypeInfo<T> Json);
