using System.Text.RegularExpressions;
using k8s.Models;

namespace Hostdev.Charts;

/// <summary>
/// What a manifest says about others and about itself: where the API server takes everything and the fault shows later, or refuses it in
/// words that name no value of the chart.
/// </summary>
internal static partial class ManifestRelations
{
    /// <returns>Findings.</returns>
    public static IEnumerable<string> Check(Manifest manifest, IReadOnlyList<Manifest> all)
    {
        var found = manifest.Object switch
        {
            V1Deployment it => [.. Selection(it.Spec.Selector, it.Spec.Template), .. Pod(it.Spec.Template.Spec, all)],
            V1DaemonSet it => [.. Selection(it.Spec.Selector, it.Spec.Template), .. Pod(it.Spec.Template.Spec, all)],
            V1Job it => Pod(it.Spec.Template.Spec, all),
            V1Pod it => Pod(it.Spec, all),
            V1RoleBinding it => Binding(it.RoleRef, it.Subjects, all),
            V1ClusterRoleBinding it => Binding(it.RoleRef, it.Subjects, all),
            // A binding to a policy that is not there admits everything.
            V1ValidatingAdmissionPolicyBinding it => Missing(all, "ValidatingAdmissionPolicy", it.Spec.PolicyName),
            _ => Enumerable.Empty<string>(),
        };
        // A version with a "+" once made the whole installation invalid.
        var wrong = manifest.Labels.Where(l => !LabelValue().IsMatch(l.Value));
        return found.Concat(wrong.Select(l => $"{l.Value} is no value of a label, as {l.Key} is"));
    }

    /// <summary>A selector that does not choose its own Pods is refused at an upgrade, when it cannot be changed any more.</summary>
    private static IEnumerable<string> Selection(V1LabelSelector selector, V1PodTemplateSpec template) =>
        from label in selector.MatchLabels
        where !template.Metadata.Labels.Contains(label)
        select $"the selector's {label.Key}={label.Value} is no label of the template";

    /// <summary>Rights that are bound to nobody, or a role that is not there, are missed by the program alone.</summary>
    private static IEnumerable<string> Binding(V1RoleRef role, IEnumerable<Rbacv1Subject> subjects, IReadOnlyList<Manifest> all) =>
        Missing(all, role.Kind, role.Name)
            .Concat(subjects.Where(s => s.Kind == "ServiceAccount").SelectMany(s => Missing(all, s.Kind, s.Name)));

    private static IEnumerable<string> Pod(V1PodSpec pod, IReadOnlyList<Manifest> all)
    {
        // Without its account no Pod is made; a Deployment says so in a condition that nobody reads.
        if (pod.ServiceAccountName is { } account)
            foreach (var finding in Missing(all, "ServiceAccount", account))
                yield return finding;
        var containers = (pod.InitContainers ?? []).Concat(pod.Containers).ToList();
        var volumes = (pod.Volumes ?? []).Select(v => v.Name).ToList();
        var mounted = containers.SelectMany(c => c.VolumeMounts ?? []).Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in Twice(volumes))
            yield return $"volume {name} is there twice";
        foreach (var name in mounted.Except(volumes))
            yield return $"volume {name} is mounted and not there";
        // One that nobody mounts is a place of the host that the Pod was meant to have.
        foreach (var name in volumes.Except(mounted))
            yield return $"volume {name} is mounted by nobody";
        foreach (var finding in containers.SelectMany(c => Container(c, pod.HostNetwork is true)))
            yield return finding;
    }

    private static IEnumerable<string> Container(V1Container container, bool isOnHostNetwork)
    {
        var at = $"container {container.Name}";
        var ports = container.Ports ?? [];
        // Both are required, and the types do not say so.
        if (string.IsNullOrEmpty(container.Name) || string.IsNullOrEmpty(container.Image))
            yield return $"{at} lacks name or image";
        // Of two mounts at one path the runtime takes either.
        var paths = (container.VolumeMounts ?? []).Select(m => m.MountPath);
        foreach (var path in Twice(paths))
            yield return $"{at} mounts two things at {path}";
        // Server-side apply refuses it.
        foreach (var name in Twice((container.Env ?? []).Select(e => e.Name)))
            yield return $"{at} has the variable {name} twice";
        // A probe of a port that is not there fails for ever: the container is killed again and again.
        var probes = new[] { container.LivenessProbe, container.ReadinessProbe, container.StartupProbe };
        foreach (var port in probes.Select(p => p?.HttpGet?.Port?.Value).OfType<string>().Where(p => !int.TryParse(p, out _)))
            if (!ports.Any(p => p.Name == port))
                yield return $"{at} is asked at port {port}, which it does not have";
        if (isOnHostNetwork && ports.Any(p => p.HostPort is { } host && host != p.ContainerPort))
            yield return $"{at} is on the host's network with another hostPort";
    }

    private static IEnumerable<string> Missing(IReadOnlyList<Manifest> all, string kind, string name) =>
        all.Any(m => (m.Kind, m.Name) == (kind, name)) ? [] : [$"there is no {kind} {name}"];

    private static IEnumerable<string> Twice(IEnumerable<string> names) =>
        names.GroupBy(n => n, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key);

    [GeneratedRegex("^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$", RegexOptions.ExplicitCapture)]
    private static partial Regex LabelValue();
}
