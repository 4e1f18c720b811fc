namespace ResNet.Samples;

/// <summary>Formats numbers of any magnitude with their significant digits, in a form that options can parse.</summary>
public static class Digits
{
    /// <returns>Three significant digits, such as 0.0123 or 1.23e-06.</returns>
    public static string FormatRate(double value) => $"{value:g3}";

    /// <returns>A fixed number of decimals, or as many significant digits for very small and very large values.</returns>
    public static string FormatLoss(double value, int decimals = 3) => value.ToString($"{(value is 0 or >= 0.1 and < 1e6 ? 'f' : 'g')}{decimals}");
}
