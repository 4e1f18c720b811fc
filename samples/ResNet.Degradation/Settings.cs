namespace ResNet.Degradation;

/// <summary>What the command line decides. Networks are trained in this order; Size is the pictures' height and width: 28, or 14 after 2x2 average pooling.</summary>
internal sealed record Settings(IReadOnlyList<Variant> Networks, string Data, int Epochs, int BatchSize, double LearningRate, int Size, int Seeds, string Device, string Out);
