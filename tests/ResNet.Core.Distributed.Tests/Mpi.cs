namespace ResNet.Core.Distributed.Tests;

/// <summary>The two families of MPI, which launch differently and have another binary interface.</summary>
public enum Mpi
{
    OpenMpi,
    Mpich,
}
