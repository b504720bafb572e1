namespace Hostdev.Sandbox.ApiServer.Access;

/// <summary>What somebody wants to do, as roles speak of it.</summary>
/// <param name="Resource">Empty for a path that is no resource.</param>
internal sealed record AccessQuestion(
    ApiUser User,
    string Verb,
    string Group,
    string Resource,
    string Subresource,
    string Namespace,
    string Name,
    string Path
)
{
    /// <summary><c>nodedevicestates/status</c></summary>
    public string FullResource => Subresource.Length == 0 ? Resource : $"{Resource}/{Subresource}";

    /// <summary>Why it is refused, in the words of apiserver <c>pkg/endpoints/handlers/responsewriters/errors.go</c>.</summary>
    public string Refusal =>
        Resource.Length == 0
            ? $"User \"{User.Name}\" cannot {Verb} path \"{Path}\""
            : $"User \"{User.Name}\" cannot {Verb} resource \"{FullResource}\" in API group \"{Group}\" "
                + (Namespace.Length == 0 ? "at the cluster scope" : $"in the namespace \"{Namespace}\"");
}
