using System.Globalization;
using System.Text;

namespace ResNet.Train;

/// <summary>
/// Writes predictions as a table: the name of each image, the likeliest class, its probability, and the probability of every
/// class. Fields are quoted as in RFC 4180; lines end with a line feed only, as in <see cref="Metrics"/>.
/// </summary>
internal sealed class PredictionCsv
{
    /// <summary>Stands for the standard output in place of a file name.</summary>
    public const string StandardOutput = "-";

    private readonly TextWriter _writer;
    private readonly IReadOnlyList<string> _classes;

    private PredictionCsv(TextWriter writer, IReadOnlyList<string> classes)
    {
        (_writer, _classes) = (writer, classes);
        WriteLine(["file", "class", "probability", .. classes]);
    }

    /// <param name="path">A file, written whole or not at all, or <see cref="StandardOutput"/>.</param>
    /// <param name="classes">The class names.</param>
    /// <param name="predict">Adds the lines.</param>
    /// <exception cref="UserException">The file is an image, perhaps from a pattern such as <c>*.jpg</c>, or it cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<string> classes, Action<PredictionCsv> predict)
    {
        if (path == StandardOutput)
        {
            using var output = Console.OpenStandardOutput(); // Console.Out would escape control characters in names
            Write(output);
            return;
        }
        if (FileImage.IsImage(path))
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
        WriteLine([file, _classes[best], FormatNumber(probabilities[best]), .. probabilities.Select(FormatNumber)]);

        static string FormatNumber(float value) => value.ToString(CultureInfo.InvariantCulture); // the shortest text that parses to the same value
    }

    private void WriteLine(IEnumerable<string> fields)
    {
        _writer.Write(string.Join(',', fields.Select(Quote)));
        _writer.Write('\n');
    }

    private static string Quote(string field) =>
        field.AsSpan().ContainsAny(",\"\r\n") ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field;
}
