using System.Globalization;

namespace ResNet.Core.Weights;

/// <summary>Values as Python's source code has them.</summary>
internal static class PythonText
{
    /// <param name="value">A key of a dictionary, which can be anything.</param>
    public static string Of(object? value) => value switch
    {
        string text => $"'{Names.Short(text).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'",
        bool truth => truth ? "True" : "False",
        long or double => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        null or PickledObject { Type: "NoneType" } => "None",
        _ => "…",
    };
}
