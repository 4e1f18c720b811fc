namespace ResNet.Tests;

/// <summary>The two families of MPI, which launch differently and have another binary interface.</summary>
public enum MpiKind
{
    OpenMpi,
    Mpich,
}
