namespace ResNet.Degradation;

/// <summary>The values from the command line.</summary>
/// <param name="Networks">The networks to train, in this order.</param>
/// <param name="Data">The folder with the images.</param>
/// <param name="Epochs">The number of epochs per network.</param>
/// <param name="BatchSize">The number of images per training step.</param>
/// <param name="LearningRate">The peak learning rate.</param>
/// <param name="Size">The images' height and width: 28, or 14 after 2x2 average pooling.</param>
/// <param name="Seeds">The number of repetitions, with the seeds 1, 2, ….</param>
/// <param name="Device">The device's name.</param>
/// <param name="Out">The folder for the results.</param>
internal sealed record Settings(IReadOnlyList<Variant> Networks, string Data, int Epochs, int BatchSize, double LearningRate, int Size, int Seeds, string Device, string Out);
