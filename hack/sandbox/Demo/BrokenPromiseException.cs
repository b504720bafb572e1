namespace Hostdev.Sandbox.Demo;

/// <summary>Something the story promised is not so.</summary>
internal sealed class BrokenPromiseException : Exception
{
    public BrokenPromiseException() { }

    public BrokenPromiseException(string message)
        : base(message) { }

    public BrokenPromiseException(string message, Exception innerException)
        : base(message, innerException) { }
}
