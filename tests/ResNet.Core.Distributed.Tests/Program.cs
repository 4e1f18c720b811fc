using ResNet.Core.Distributed.Tests.Mpi;

namespace ResNet.Core.Distributed.Tests;

internal static class Program
{
    public static int Main(string[] args) => args switch
    {
        ["binding"] => BindingRank.Run(),
        _ => throw new ArgumentException($"expected a rank's program: binding; got '{string.Join(' ', args)}'"),
    };
}
