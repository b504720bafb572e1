namespace Hostdev.DevicePlugin.Following;

/// <summary>Where the desired state comes from: a file, or the API server.</summary>
public interface IDesiredSource : IDisposable
{
    /// <summary>Named in the log.</summary>
    string Description { get; }

    /// <summary>Takes in what can be had without waiting.</summary>
    /// <returns>Whether something is new: the state in force, or the problem.</returns>
    bool Read(DesiredState state);

    /// <summary>Waits for the next change and takes it in; returns when something is new.</summary>
    Task NextAsync(DesiredState state, CancellationToken cancellationToken);
}
