namespace ResNet.Train;

/// <summary>Writes numbers of any magnitude with the digits that matter, in a form that options read back.</summary>
internal static class Digits
{
    /// <summary>Such as 0.0123 or 1.23e-06.</summary>
    public static string OfRate(double value) => $"{value:g3}";

    /// <summary>With so many decimals where they tell enough.</summary>
    public static string OfLoss(double value, int decimals = 3) => value.ToString($"{(value is 0 or >= 0.1 and < 1e6 ? 'f' : 'g')}{decimals}");
}
