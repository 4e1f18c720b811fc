using System.Text;

namespace ResNet.Train;

/// <summary>
/// Writes lines to a terminal in which everything is to be seen. A file's name may hold what would move the cursor, change the
/// colours, turn the reading direction around or begin another line; that comes as an escape, such as <c>\x1b</c>.
/// </summary>
internal sealed class VisibleText(TextWriter terminal) : TextWriter
{
    public override Encoding Encoding => terminal.Encoding;

    /// <summary>The text without control characters and line breaks, invisible marks of reading direction and halves of characters.</summary>
    public static string Of(string text)
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

    public override void Write(string? value) => terminal.Write(Of(value ?? ""));

    public override void WriteLine() => terminal.WriteLine();

    public override void WriteLine(string? value) => terminal.WriteLine(Of(value ?? ""));

    public override void Flush() => terminal.Flush();
}
