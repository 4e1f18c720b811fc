namespace ResNet.Core.Deployment;

/// <summary>A value of a quantised graph.</summary>
/// <param name="Name">In float32 again.</param>
/// <param name="Scale">Of its 8 bits.</param>
/// <param name="Parameters">The names of scale and zero point.</param>
internal sealed record QuantizedValue(string Name, float Scale, string[] Parameters);
