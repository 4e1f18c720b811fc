using static TorchSharp.torch;

namespace ResNet.Core.Tests;

public class DisposeScopeTests
{
    [Fact]
    public void Keep_disposes_every_tensor_of_the_scope_except_the_result()
    {
        using var scope = NewDisposeScope();
        using var outer = ones(2).DetachFromDisposeScope();
        var first = outer + 1;
        var result = first * 2;

        Assert.Same(result, scope.Keep(result));

        Assert.True(first.IsInvalid);
        Assert.False(outer.IsInvalid);
        Assert.Equal([4f, 4f], result.data<float>().ToArray());
        Assert.Same(result, Assert.Single(scope.DisposablesView));
    }

    [Fact]
    public void Keep_leaves_a_result_from_outside_to_its_owner()
    {
        using var outer = ones(2).DetachFromDisposeScope();
        using (var scope = NewDisposeScope())
        {
            var temporary = outer + 1;
            Assert.Same(outer, scope.Keep(outer));
            Assert.True(temporary.IsInvalid);
        }
        Assert.False(outer.IsInvalid);
    }

    [Fact]
    public void Autograd_keeps_the_tensors_that_the_backward_pass_needs()
    {
        using var weight = ones(2, requires_grad: true);
        using (var scope = NewDisposeScope())
        {
            var x = scope.Keep(weight * 3);
            x = scope.Keep(x * x);
            scope.Keep(x.sum()).backward();
        }
        using var gradient = weight.grad!;
        Assert.Equal([18f, 18f], gradient.data<float>().ToArray());
    }

    [Fact]
    public void Null_is_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentNullException>("result", () => scope.Keep(null!));
        Assert.Throws<ArgumentNullException>("scope", () => DisposeScopeExtensions.Keep(null!, ones(1)));
    }
}
