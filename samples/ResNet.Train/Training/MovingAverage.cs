using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// An exponential moving average of a network's weights and running statistics, over about the last 1 / (1 - decay) steps. It
/// is steadier than the weights of a single step.
/// </summary>
internal static class MovingAverage
{
    public static void Start(ResidualNetwork average, ResidualNetwork model) => Update(average, model, decay: 0);

    /// <param name="average">The average to update.</param>
    /// <param name="model">The network after the step.</param>
    /// <param name="decay">The share of the old average that remains.</param>
    /// <param name="step">The training step, from 0. The first steps use a smaller decay, or the initial weights would dominate the average for long.</param>
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
