namespace Hostdev.Sandbox.ApiServer.Schema;

/// <summary>Where a value stands, in the two ways in which one error says it.</summary>
/// <param name="Path">As kube-openapi builds it: empty at the root, with a dot in front where a member of the root is meant by its path
/// alone.</param>
internal readonly record struct Place(string Path)
{
    /// <summary>The error's field; the root has none.</summary>
    public string Field => Path.TrimStart('.') is { Length: > 0 } text ? text : FieldError.NoPath;

    /// <summary>How the detail begins: <c>spec.numVfs in body </c>.</summary>
    public string Name => $"{Path} in body ";
}
