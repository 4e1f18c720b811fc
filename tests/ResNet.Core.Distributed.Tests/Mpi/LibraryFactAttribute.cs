using System.Runtime.InteropServices;

namespace ResNet.Core.Distributed.Tests.Mpi;

/// <summary>A test of a library that the system may have; skipped where it has not.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LibraryFactAttribute : FactAttribute
{
    /// <param name="library">As the loader knows it.</param>
    /// <param name="package">Debian's package that brings it.</param>
    public LibraryFactAttribute(string library, string package)
    {
        if (!NativeLibrary.TryLoad(library, out _))
            Skip = $"{library} is not there: apt-get install {package}";
    }
}
