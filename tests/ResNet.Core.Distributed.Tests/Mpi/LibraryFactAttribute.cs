using System.Runtime.InteropServices;

namespace ResNet.Core.Distributed.Tests.Mpi;

/// <summary>A test that needs a library of the system, and is skipped without it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LibraryFactAttribute : FactAttribute
{
    /// <param name="library">The file name that the loader finds the library by.</param>
    /// <param name="package">The Debian package that contains it.</param>
    public LibraryFactAttribute(string library, string package)
    {
        if (!NativeLibrary.TryLoad(library, out _))
            Skip = $"{library} is not installed: apt-get install {package}";
    }
}
