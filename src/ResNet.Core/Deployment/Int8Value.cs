namespace ResNet.Core.Deployment;

/// <summary>An activation in 8 bits.</summary>
/// <param name="Name">The name in the script.</param>
/// <param name="Quantization">The quantization parameters.</param>
internal sealed record Int8Value(string Name, QuantizationParameters Quantization);
