using System.Runtime.InteropServices;

namespace ResNet.Core.Distributed.Mpi;

/// <summary>The exception for an error of an MPI function.</summary>
/// <param name="function">The name of the function.</param>
/// <param name="text">MPI's description of the error.</param>
/// <param name="code">MPI's error code.</param>
internal sealed class MpiException(string function, string text, int code) : ExternalException($"{function}: {text} (MPI's error code {code})", code);
