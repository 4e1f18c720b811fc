using System.Runtime.InteropServices;

namespace ResNet.Core.Distributed.Mpi;

/// <summary>An MPI function reported an error.</summary>
/// <param name="function">Its name.</param>
/// <param name="text">What MPI says of it.</param>
/// <param name="code">MPI's number of it.</param>
internal sealed class MpiException(string function, string text, int code) : ExternalException($"{function}: {text} (MPI's error code {code})", code);
