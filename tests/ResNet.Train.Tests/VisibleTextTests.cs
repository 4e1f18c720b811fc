using SkiaSharp;
using static ResNet.Tests.SampleProgram;

namespace ResNet.Train.Tests;

/// <summary>Names of files and classes may contain control characters. They reach the terminal only as escapes.</summary>
public sealed class VisibleTextTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("plain/name.jpg", "plain/name.jpg")]
    [InlineData("Katze, chat, кошка, 猫, قطة, 😺", "Katze, chat, кошка, 猫, قطة, 😺")]
    [InlineData("\e[31mred", @"\x1b[31mred")]
    [InlineData("a\nb\r\tc\0\a\b", @"a\x0ab\x0d\x09c\x00\x07\x08")]
    [InlineData("\x7f\x80\x9b" + "31m", @"\x7f\x80\x9b31m")]
    [InlineData("\u202egpj.exe\u2066\u2069\u200f\u061c", @"\u202egpj.exe\u2066\u2069\u200f\u061c")]
    [InlineData("a\u2028b\u2029", @"a\u2028b\u2029")]
    [InlineData("", "")]
    public void Invisible_characters_are_escaped(string text, string visible)
    {
        Assert.Equal(visible, VisibleText.Escape(text));

        using var terminal = new StringWriter { NewLine = "|" };
        using var writer = new VisibleText(terminal);
        writer.WriteLine(text);
        writer.Write(text);
        foreach (var c in text.Where(c => !char.IsSurrogate(c)))
            writer.Write(c);
        Assert.StartsWith($"{visible}|{visible}", terminal.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\e', terminal.ToString());
    }

    [Fact]
    public void Unpaired_surrogates_are_escaped()
    {
        Assert.Equal(@"a\ud83db", VisibleText.Escape("a\ud83db"));
        Assert.Equal(@"a\ude3a", VisibleText.Escape("a\ude3a"));
        Assert.Equal(@"\ude3a\ud83d", VisibleText.Escape("\ude3a\ud83d"));
    }

    [Fact]
    public void The_program_escapes_names_in_its_messages()
    {
        AssertRefused(@"got '\x1b[31mred'", "evaluate", "\e[31mred");
        AssertRefused(@"got '\x1b]0;title\x07'", "--data", "\e]0;title\a");
        AssertRefused(@"'--\x1b[2J'", "--\e[2J");
    }

    /// <summary>Windows has no such names.</summary>
    [UnixFact, Trait(Category.Name, Category.Slow)]
    public void Classes_with_any_name_are_trained_drawn_and_printed()
    {
        foreach (var (name, color) in new[] { ("b[red]lue", SKColors.Blue), ("r\e[31med", SKColors.Red), ("y\nellow", SKColors.Yellow) })
            for (var i = 0; i < 15; i++)
                TestImages.Write(_folder, $"data/{name}/{i:00}.png", color, SKEncodedImageFormat.Png, 40 + i, 50);
        File.WriteAllText(_folder["data/r\e[31med/\e[2J.png"], "no image");

        var (code, output, error) = Run("--data", _folder["data"], "--out", _folder["run"], "--size", "32", "--epochs", "1", "--batch-size", "16", "--device", "cpu");
        Assert.Equal(0, code);
        Assert.Contains(@"\x1b[2J.png", error, StringComparison.Ordinal);
        var answers = new[] { output, error, Run("evaluate", _folder["run"], "--device", "cpu").Output, Run("predict", _folder["data/y\nellow/00.png"], "--model", _folder["run"], "--device", "cpu").Output };

        Assert.All(answers, answer => Assert.DoesNotContain('\e', answer));
        Assert.All(answers[2..], answer => Assert.All(["b[red]lue", @"r\x1b[31med", @"y\x0aellow"], name => Assert.Contains(name, answer, StringComparison.Ordinal)));
        Assert.Contains(@"y\x0aellow/00.png", answers[3], StringComparison.Ordinal);
    }
}
