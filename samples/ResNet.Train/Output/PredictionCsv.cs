using System.Globalization;
using System.Text;

namespace ResNet.Train;

/// <summary>
/// Predictions as a table for other programs: of each image the name, the likeliest class, its probability, and the probability of every
/// class. Fields are quoted as RFC 4180 has it; lines end with a line feed alone, as in <see cref="Metrics"/>.
/// </summary>
internal sealed class PredictionCsv
{
    /// <summary>In place of a file's name.</summary>
    public const string StandardOutput = "-";

    private readonly TextWriter _writer;
    private readonly IReadOnlyList<string> _classes;

    private PredictionCsv(TextWriter writer, IReadOnlyList<string> classes)
    {
        (_writer, _classes) = (writer, classes);
        WriteLine(["file", "class", "probability", .. classes]);
    }

    /// <param name="path">A file, which is written whole or not at all, or <see cref="StandardOutput"/>.</param>
    /// <param name="classes">Their names.</param>
    /// <param name="predict">Adds the lines.</param>
    /// <exception cref="UserException">The file is an image, which a pattern such as <c>*.jpg</c> has put there; or it cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<string> classes, Action<PredictionCsv> predict)
    {
        if (path == StandardOutput)
        {
            using var output = Console.OpenStandardOutput(); // Console.Out shows the control characters of a name as escapes
            Write(output);
            return;
        }
        if (FilePicture.IsImage(path))
            throw new UserException($"--csv: expected a file for the table, got '{path}', which is an image");
        OutputFile.Write(path, Write, "--csv: ");

        void Write(Stream stream)
        {
            using var writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true);
            predict(new PredictionCsv(writer, classes));
        }
    }

    public void Add(string file, float[] probabilities)
    {
        var best = Array.IndexOf(probabilities, probabilities.Max());
        WriteLine([file, _classes[best], Number(probabilities[best]), .. probabilities.Select(Number)]);

        static string Number(float value) => value.ToString(CultureInfo.InvariantCulture); // as many digits as tell it from every other one
    }

    private void WriteLine(IEnumerable<string> fields)
    {
        _writer.Write(string.Join(',', fields.Select(Quote)));
        _writer.Write('\n');
    }

    private static string Quote(string field) =>
        field.AsSpan().ContainsAny(",\"\r\n") ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field;
}
