namespace ResNet.Degradation;

internal enum Kind
{
    Plain,
    Residual,
}
