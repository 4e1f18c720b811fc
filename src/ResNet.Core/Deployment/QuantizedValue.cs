namespace ResNet.Core.Deployment;

/// <summary>A value in a quantized graph.</summary>
/// <param name="Name">The name of the dequantized value.</param>
/// <param name="Scale">The scale.</param>
/// <param name="Parameters">The names of the scale and zero point.</param>
internal sealed record QuantizedValue(string Name, float Scale, string[] Parameters);
