namespace ResNet.Core.Deployment;

/// <summary>What goes from layer to layer in 8 bits.</summary>
/// <param name="Name">In the script.</param>
/// <param name="Quantization">What its integers are.</param>
internal sealed record Int8Value(string Name, Quantization Quantization);
