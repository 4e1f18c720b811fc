using System.Text;

namespace ResNet.Samples;

/// <summary>
/// Writes lines to a terminal with every character visible. A file name can contain characters that move the cursor, change
/// colors, reverse the reading direction or start a new line; this writer escapes them, for example as <c>\x1b</c>.
/// </summary>
public sealed class VisibleText(TextWriter terminal) : TextWriter
{
    public override Encoding Encoding => terminal.Encoding;

    /// <summary>Escapes control characters, line breaks, invisible direction marks and unpaired surrogates.</summary>
    public static string Escape(string text)
    {
        if (!text.Any(c => IsHidden(c) || char.IsSurrogate(c)))
            return text;

        var visible = new StringBuilder(text.Length + 16);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsSurrogatePair(text, i))
                visible.Append(c).Append(text[++i]);
            else if (IsHidden(c) || char.IsSurrogate(c))
                visible.Append(c <= '\xff' ? $"\\x{(int)c:x2}" : $"\\u{(int)c:x4}");
            else
                visible.Append(c);
        }
        return visible.ToString();

        static bool IsHidden(char c) => char.IsControl(c) || c is '\u061c' or '\u200e' or '\u200f' or (>= '\u2028' and <= '\u202e') or (>= '\u2066' and <= '\u2069');
    }

    public override void Write(char value) => Write($"{value}");

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void Write(string? value) => terminal.Write(Escape(value ?? ""));

    public override void WriteLine() => terminal.WriteLine();

    public override void WriteLine(string? value) => terminal.WriteLine(Escape(value ?? ""));

    public override void Flush() => terminal.Flush();
}
