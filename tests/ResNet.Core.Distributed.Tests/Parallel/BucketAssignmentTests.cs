using ResNet.Core.Distributed.Parallel;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Tests.Parallel;

public class BucketAssignmentTests
{
    private const long Megabyte = 1024 * 1024, Floats = Megabyte / sizeof(float);

    [Fact]
    public void The_last_parameters_come_first_and_the_first_bucket_is_small()
    {
        var parameters = Enumerable.Range(0, 60).Select(number => ($"{number:00}", Make(Floats))).ToList();

        var buckets = BucketAssignment.Compute(parameters, 25 * Megabyte);

        Assert.Equal([1, 25, 25, 9], buckets.Select(bucket => bucket.Count));
        Assert.Equal(parameters.Select(entry => entry.Item1).Reverse(), buckets.SelectMany(bucket => bucket).Select(entry => entry.Name));
    }

    [Fact]
    public void A_parameter_above_the_capacity_gets_its_own_bucket()
    {
        var buckets = BucketAssignment.Compute([("small", Make(10)), ("large", Make(3 * Floats)), ("last", Make(2 * Floats))], 2 * Megabyte);
        Assert.Equal(["last", "large", "small"], buckets.Select(bucket => Assert.Single(bucket).Name));
    }

    [Fact]
    public void A_bucket_holds_parameters_of_one_type()
    {
        (string, Parameter)[] parameters =
            [("a", Make(4)), ("b", Make(4, ScalarType.Float64)), ("c", Make(4)), ("d", Make(4, ScalarType.BFloat16)), ("e", Make(4, ScalarType.Float64))];

        var buckets = BucketAssignment.Compute(parameters, 25 * Megabyte);

        Assert.Equal([["e", "b"], ["d"], ["c", "a"]], buckets.Select(bucket => bucket.Select(entry => entry.Name)));
    }

    [Fact]
    public void A_bucket_of_a_kilobyte_holds_three_parameters_of_400_bytes_and_none_is_lost()
    {
        var parameters = Enumerable.Range(0, 100).Select(number => ($"{number:00}", Make(100))).ToList();
        var buckets = BucketAssignment.Compute(parameters, 1024);
        Assert.All(buckets.SkipLast(1), bucket => Assert.Equal(3, bucket.Count));
        Assert.Equal(100, buckets.Sum(bucket => bucket.Count));
    }

    private static Parameter Make(long elements, ScalarType type = ScalarType.Float32) => new(empty(elements, type), requires_grad: true);
}
