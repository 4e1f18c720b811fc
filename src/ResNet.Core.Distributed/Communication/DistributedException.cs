namespace ResNet.Core.Distributed;

/// <summary>The exception for ranks that cannot continue together: one has left, their operations differ, or MPI reported an error.</summary>
public sealed class DistributedException : Exception
{
    /// <summary>Creates an exception without a message.</summary>
    public DistributedException() { }

    /// <summary>Creates an exception with a message.</summary>
    /// <param name="message">The error and the rank.</param>
    public DistributedException(string message) : base(message) { }

    /// <summary>Creates an exception with a message and a cause.</summary>
    /// <param name="message">The error and the rank.</param>
    /// <param name="innerException">The cause.</param>
    public DistributedException(string message, Exception? innerException) : base(message, innerException) { }
}
