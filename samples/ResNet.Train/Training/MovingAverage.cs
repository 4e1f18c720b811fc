using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// An exponential moving average of a network's weights and running statistics: of the last 1 / (1 - decay) steps, about. It
/// is steadier than the weights of any one step.
/// </summary>
internal static class MovingAverage
{
    public static void Start(ResidualNetwork average, ResidualNetwork model) => Update(average, model, decay: 0);

    /// <param name="average">What is updated.</param>
    /// <param name="model">After the step.</param>
    /// <param name="decay">The share of the average that stays, in the long run.</param>
    /// <param name="step">From 0. The first steps move the average faster, or it would long be the initial weights.</param>
    public static void Update(ResidualNetwork average, ResidualNetwork model, double decay, long step = 0)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        decay = Math.Min(decay, (1.0 + step) / (10 + step));
        var current = model.state_dict();
        foreach (var (name, tensor) in average.state_dict())
        {
            if (tensor.is_floating_point())
                tensor.lerp_(current[name], 1 - decay);
            else
                tensor.copy_(current[name]);
        }
    }
}
