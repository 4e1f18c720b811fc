namespace ResNet.Degradation;

/// <summary>What the command line decides. Size is the pictures' height and width: 28, or 14 after 2x2 average pooling.</summary>
internal sealed record Settings(string Data, int Epochs, int BatchSize, double LearningRate, int Size, int Seeds, string Device, string Out);
