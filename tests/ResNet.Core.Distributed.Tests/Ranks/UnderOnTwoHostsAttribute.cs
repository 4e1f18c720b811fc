namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>A row for a launcher that starts ranks on two hosts.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class UnderOnTwoHostsAttribute : UnderAttribute
{
    public UnderOnTwoHostsAttribute(MpiKind mpi)
        : base(mpi)
    {
        if (TwoHosts.Obstacle is { } obstacle)
            Skip ??= obstacle;
    }
}
