namespace ResNet.Core.Distributed.Tests;

public class PackageTests
{
    [Fact]
    public void The_library_depends_on_TorchSharp_alone() =>
        Assert.Equal(["TorchSharp"], typeof(ProcessGroup).Assembly.GetReferencedAssemblies().Select(assembly => assembly.Name).Where(name => !name!.StartsWith("System.", StringComparison.Ordinal)));
}
