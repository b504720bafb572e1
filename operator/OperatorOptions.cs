namespace Hostdev.Operator;

public sealed record OperatorOptions
{
    public const string FieldManager = "hostdev-operator";

    public const string LabelFieldManager = "hostdev-operator-labels";

    public const string DefaultAgentSelector = "app.kubernetes.io/name=hostdev,app.kubernetes.io/component=device-plugin";

    public const string DefaultLeaseName = "hostdev-operator";

    /// <summary>Where the operator and the agents' Pods live.</summary>
    public required string Namespace { get; init; }

    /// <summary>Which Pods of the namespace are agents: as the chart labels them.</summary>
    public string AgentSelector { get; init; } = DefaultAgentSelector;

    /// <summary>Another one for each process; null for a single operator that needs no lease.</summary>
    public string? Identity { get; init; }

    /// <summary>Which process says something in an Event: the Pod's name.</summary>
    public string Instance { get; init; } = "hostdev-operator";

    /// <summary>Whether Nodes get labels of the devices that were found on them.</summary>
    public bool NodeLabels { get; init; }

    public string LeaseName { get; init; } = DefaultLeaseName;

    /// <summary>The service account of the operator: the Lease goes with it, at an uninstall.</summary>
    public string Account { get; init; } = "hostdev-operator";

    public OperatorTimings Timings { get; init; } = new();
}

public sealed record OperatorTimings
{
    /// <summary>Changes that come close together are looked at once.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Between two writes of one policy's status. The first after a quiet time is made at once.</summary>
    public TimeSpan StatusInterval { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);
}
