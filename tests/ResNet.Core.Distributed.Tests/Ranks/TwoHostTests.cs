namespace ResNet.Core.Distributed.Tests.Ranks;

[Trait(Category.Name, Category.Slow)]
public sealed class TwoHostTests
{
    [Theory, UnderOnTwoHosts(MpiKind.OpenMpi), UnderOnTwoHosts(MpiKind.Mpich)]
    public void Two_hosts_give_the_bits_of_one(MpiKind mpi)
    {
        using var hosts = new TwoHosts();
        using var program = RankProgram.Start("ip", 2, [.. hosts.OnFirst, MpiLauncher.Find(mpi)!, .. hosts.LauncherArguments(mpi)], ["agreement"]);
        var (onTwo, onOne) = (program.Ends(), AgreementTests.RunOnce(mpi, 2));

        Assert.Equal(["0/1", "0/1"], onTwo.OfAll("local"));
        Assert.Equal(["0/2", "1/2"], onOne.OfAll("local"));
        Assert.All(["gradients", "weights"], value => Assert.Equal(onOne.Common(value), onTwo.Common(value)));
    }
}
