namespace Hostdev.Kube.Client;

/// <summary>The way to the API server is not known or not usable. The message names file, field and fix, and never a secret.</summary>
public sealed class KubeConfigurationException(string message, Exception? cause = null) : Exception(message, cause);
