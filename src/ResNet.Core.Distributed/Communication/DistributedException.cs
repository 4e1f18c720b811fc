namespace ResNet.Core.Distributed;

/// <summary>The ranks cannot go on together: one has left, they do different things, or MPI reported an error.</summary>
public sealed class DistributedException : Exception
{
    /// <summary>An exception without a message.</summary>
    public DistributedException() { }

    /// <summary>An exception with a message.</summary>
    /// <param name="message">What went wrong, and in which rank.</param>
    public DistributedException(string message) : base(message) { }

    /// <summary>An exception with a message and a cause.</summary>
    /// <param name="message">What went wrong, and in which rank.</param>
    /// <param name="innerException">Why.</param>
    public DistributedException(string message, Exception? innerException) : base(message, innerException) { }
}
