namespace ResNet.Tests;

/// <summary>The two families of MPI, whose launchers and binary interfaces differ.</summary>
public enum MpiKind
{
    OpenMpi,
    Mpich,
}
