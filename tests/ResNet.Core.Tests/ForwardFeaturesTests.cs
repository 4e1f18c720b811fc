using static TorchSharp.torch;

namespace ResNet.Core.Tests;

/// <summary>The features of an image, before pooling and the classifier.</summary>
public class ForwardFeaturesTests
{
    /// <summary>Every network with its default stem, and one of each kind with the other stems.</summary>
    public static TheoryData<string, Stem?> Networks
    {
        get
        {
            var networks = new TheoryData<string, Stem?>();
            foreach (var architecture in Family.All)
                networks.Add(architecture, null);
            networks.Add("resnet18", Stem.Conv7MaxPool);
            networks.Add("resnet18", Stem.Conv3);
            foreach (var architecture in (string[])["resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2"])
            {
                networks.Add(architecture, Stem.Conv7);
                networks.Add(architecture, Stem.Conv3);
            }
            return networks;
        }
    }

    [FamilyTheory]
    [MemberData(nameof(Networks))]
    public void Features_have_the_right_shape_and_give_the_logits_bit_for_bit(string architecture, Stem? stem)
    {
        using var scope = NewDisposeScope();
        using var model = Family.Create(architecture, 3, stem);
        var reduction = model.Stem switch { Stem.Conv3 => 8, Stem.Conv7 => 16, _ => 32 };
        using var x = rand(2, 3, reduction + 1, 2 * reduction);
        var seen = new List<long[]>();
        model.layer4.register_forward_hook((_, _, output) => { seen.Add(output.shape); return output; });

        var trained = model.forward_features(x); // like a forward pass, this updates the running statistics
        Assert.All(model.buffers().Where(buffer => buffer.dim() == 0), counter => Assert.Equal(1, counter.item<long>()));
        Assert.True(trained.requires_grad);

        using var _ = no_grad();
        model.eval();
        var features = model.forward_features(x);
        long[] expected = [2, model.fc.in_features, 2, 2];
        Assert.Equal(expected, features.shape);
        Assert.Equal([expected, expected], seen);

        var logits = model.forward(x);
        Assert.Equal([2, 3], logits.shape);
        Assert.True(logits.equal(model.fc.call(flatten(model.avgpool.call(features), 1))).all().item<bool>());

        foreach (var shape in (long[][])[[0, 3, 5, 6], [1, 3, 1, 1]])
        {
            using var other = rand(shape);
            Assert.Equal([shape[0], model.fc.in_features, 1, 1], model.forward_features(other).shape);
            Assert.Equal([shape[0], 3], model.forward(other).shape);
        }
    }

    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet50")]
    public void A_custom_head_trains_the_network_through_the_features(string architecture)
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        using var model = Family.Create(architecture, 10, Stem.Conv3);
        using var head = nn.Conv2d(model.fc.in_features, 4, kernel_size: 1);

        head.call(model.forward_features(rand(2, 3, 17, 16))).square().sum().backward();

        foreach (var (name, parameter) in model.named_parameters().Concat(head.named_parameters()))
        {
            if (ReferenceEquals(parameter, model.fc.weight) || ReferenceEquals(parameter, model.fc.bias))
                Assert.Null(parameter.grad); // the features do not go through the classifier
            else
                Assert.True(parameter.grad!.isfinite().all().item<bool>() && parameter.grad.abs().max().item<float>() > 0, name);
        }
    }
}
