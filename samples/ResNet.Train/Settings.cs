namespace ResNet.Train;

/// <summary>What the command line decides.</summary>
internal sealed record Settings(string Data, string? Weights, int Epochs, int BatchSize, double LearningRate, int Seed, string Device, string Out);
