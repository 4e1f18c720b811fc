using System.Globalization;

namespace ResNet.Core.Weights;

/// <summary>Formats values as Python literals.</summary>
internal static class PythonLiteral
{
    /// <param name="value">A dictionary key of any type.</param>
    public static string Format(object? value) => value switch
    {
        string text => $"'{Names.Shorten(text).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'",
        bool truth => truth ? "True" : "False",
        long or double => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        null or PickledObject { Type: "NoneType" } => "None",
        _ => "…",
    };
}
