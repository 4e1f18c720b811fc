using System.Text;

namespace ResNet.Core.Deployment;

/// <summary>The lines of a TorchScript method, each of which assigns an expression to a new variable.</summary>
internal sealed class ScriptLines
{
    private readonly StringBuilder _text = new();
    private int _count;

    /// <returns>The name of the variable.</returns>
    public string Add(string expression)
    {
        var name = $"v{_count++}";
        _text.Append("    ").Append(name).Append(" = ").Append(expression).Append('\n');
        return name;
    }

    /// <summary>Formats a list with one number for both the height and the width.</summary>
    public static string FormatPair(long number) => $"[{number}, {number}]";

    public override string ToString() => _text.ToString();
}
