namespace ResNet.Core.Distributed.Tests.Ranks;

[Trait(Category.Name, Category.Slow)]
public sealed class TwoHostTests
{
    [Theory, UnderOnTwoHosts(MpiKind.OpenMpi), UnderOnTwoHosts(MpiKind.Mpich)]
    public void Two_hosts_match_one_host_bit_for_bit(MpiKind mpi)
    {
        using var hosts = new TwoHosts();
        using var program = RankProgram.Start("ip", 2, [.. hosts.OnFirst, MpiLauncher.Find(mpi)!, .. hosts.GetLauncherArguments(mpi)], ["agreement"]);
        var (onTwo, onOne) = (program.AssertSucceeds(), AgreementTests.RunOnce(mpi, 2));

        Assert.Equal(["0/1", "0/1"], onTwo.GetValues("local"));
        Assert.Equal(["0/2", "1/2"], onOne.GetValues("local"));
        Assert.All(["gradients", "weights"], value => Assert.Equal(onOne.GetCommonValue(value), onTwo.GetCommonValue(value)));
    }
}
