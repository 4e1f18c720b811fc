using System.Buffers;
using System.Text;

namespace ResNet.Core.Weights;

/// <summary>Recognizes files without weights that people load by mistake, and says what to do.</summary>
internal static class UnsupportedFile
{
    /// <summary>The number of bytes at the start of a file that are examined.</summary>
    public const int StartLength = 512;

    private const string Expected = "expected weights written by torch.save or safetensors";
    private const string Convert = "load it in Python and save it again: torch.save(torch.load(path, map_location=\"cpu\"), \"converted.pth\")";
    private const string SaveStateDict = "save the model's state_dict in Python: torch.save(model.state_dict(), \"state_dict.pth\")";
    private const string FetchAgain = "fetch the file again";

    /// <summary>The message for a file of <c>torch.save</c> on a big-endian machine.</summary>
    public const string BigEndian = "was written on a big-endian machine, expected little-endian numbers; load it in Python and save it again on another machine";

    /// <summary>Describes the file, what was expected, and what to do.</summary>
    /// <param name="start">The first <see cref="StartLength"/> bytes of the file, or all if it is shorter.</param>
    public static string Describe(ReadOnlySpan<byte> start) => start switch
    {
        [] => $"is empty, {Expected}; {FetchAgain}",
        _ when start.Length > 262 && start[257..].StartsWith("ustar"u8) =>
            $"is a tar archive, as torch.save wrote before PyTorch 0.1.10, expected a later format of torch.save; unpack it, or {Convert}",
        [0x80, >= 2 and <= 5, ..] => $"is a pickle that torch.save did not write, {Expected}; load it in Python as it was written, and save its state_dict: torch.save(state_dict, \"state_dict.pth\")",
        _ when start.StartsWith("PK\x05\x06"u8) => $"is a zip archive without entries, {Expected}; {FetchAgain}",
        [0x89, (byte)'P', (byte)'N', (byte)'G', ..] or [0xff, 0xd8, 0xff, ..] => $"is an image, {Expected}",
        _ when start.StartsWith("%PDF"u8) => $"is a PDF document, {Expected}",
        [0x1f, 0x8b, ..] => DescribePacked("gzip"),
        _ when start.StartsWith("BZh"u8) => DescribePacked("bzip2"),
        [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..] => DescribePacked("xz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => DescribePacked("Zstandard"),
        [(byte)'7', (byte)'z', 0xbc, 0xaf, ..] => DescribePacked("7-Zip"),
        _ when start.StartsWith("Rar!"u8) => DescribePacked("RAR"),
        [0x89, (byte)'H', (byte)'D', (byte)'F', ..] => $"is an HDF5 file, as Keras writes, {Expected}; convert its weights in Python, and {SaveStateDict}",
        [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..] => $"is a NumPy array, {Expected}; {SaveStateDict}",
        _ when start.StartsWith("GGUF"u8) || start.StartsWith("lmgg"u8) || start.StartsWith("tjgg"u8) => $"is a GGUF file of llama.cpp, {Expected}; take the model's safetensors or PyTorch file instead",
        _ when start.Length >= 8 && start[4..].StartsWith("TFL3"u8) => $"is a TensorFlow Lite model, {Expected}; {SaveStateDict}",
        _ when DecodeText(start) is { } text => DescribeText(text),
        _ when IsTorchSharp(start) => "is a file of TorchSharp's Module.save, expected weights written by torch.save or safetensors; read it with module.load(path), and write it with Checkpoint.Save",
        _ when !start.ContainsAnyExcept((byte)0) => $"begins with {start.Length} zero bytes, {Expected}; its download or copy is incomplete: {FetchAgain}",
        _ => $"{Expected}, got a file that starts with the bytes {System.Convert.ToHexString(start[..Math.Min(8, start.Length)])}; {SaveStateDict}",
    };

    /// <summary>Whether all bytes are printable ASCII characters.</summary>
    public static bool IsText(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExceptInRange((byte)' ', (byte)'~');

    /// <summary>Describes a zip archive; null if it may be one of <c>torch.save</c>.</summary>
    /// <param name="names">The names of the entries.</param>
    public static string? DescribeArchive(IEnumerable<string> names)
    {
        if (names.Any(name => IsFile(name, "constants.pkl") || IsFile(name, "bytecode.pkl") || name.Contains("/code/", StringComparison.Ordinal)))
            return $"is a TorchScript program of torch.jit.save, expected weights: torch.save(torch.jit.load(path).state_dict(), \"state_dict.pth\")";
        if (names.Any(name => IsFile(name, ".data/extern_modules")))
            return $"is a package of torch.package, {Expected}; load its model with torch.package.PackageImporter, and {SaveStateDict}";
        if (names.Any(name => IsFile(name, "data.pkl")))
            return null;
        if (names.Any(name => name.EndsWith(".npy", StringComparison.Ordinal)))
            return $"is an archive of NumPy arrays (.npz), {Expected}; {SaveStateDict}";
        if (names.Any(name => IsFile(name, "model.weights.h5")))
            return $"is a Keras model, {Expected}; convert its weights in Python, and {SaveStateDict}";
        return $"is a zip archive with the files {string.Join(", ", names.Take(3).Select(Names.Shorten))} and without data.pkl, {Expected}; if it contains weights, unpack it and load one of its files";
    }

    private static bool IsFile(string path, string name) => path == name || path.EndsWith($"/{name}", StringComparison.Ordinal);

    private static string DescribePacked(string format) => $"is compressed with {format}, {Expected}; unpack it first";

    /// <summary>Whether the file starts like TorchSharp's own format: the number of tensors, then the length of the first name and the name.</summary>
    private static bool IsTorchSharp(ReadOnlySpan<byte> start)
    {
        while (start is [>= 0x80, ..])
            start = start[1..];
        return start is [_, > 0 and < 0x80, ..] && start.Length > 2 + start[1] && IsName(start.Slice(2, start[1]));

        static bool IsName(ReadOnlySpan<byte> name) => !name.ContainsAnyExcept(nameCharacters);
    }

    private static readonly SearchValues<byte> nameCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_."u8);

    /// <summary>The start of the file as text, or null if it is not text.</summary>
    private static string? DecodeText(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("\uFEFF"u8))
            start = start[3..];
        foreach (var value in start)
            if (value is < (byte)' ' and not ((byte)'\t' or (byte)'\n' or (byte)'\r') or 0x7f)
                return null;
        // The last character may be incomplete.
        var characters = new char[start.Length];
        var count = Encoding.UTF8.GetDecoder().GetChars(start, characters, flush: start.Length < StartLength - 3);
        var text = new string(characters, 0, count).Trim();
        return text.Length == 0 || text.Contains('\uFFFD', StringComparison.Ordinal) ? null : text;
    }

    private static string DescribeText(string text)
    {
        if (Starts("version https://git-lfs.github.com/spec/") || Starts("version https://hawser.github.com/spec/"))
            return $"is a Git LFS pointer to the file, {Expected}; fetch it: git lfs pull";
        if (Starts("<!doctype html") || Starts("<html") || (Starts("<!--") && text.Contains("<html", StringComparison.OrdinalIgnoreCase)))
            return $"is an HTML page, such as a website sends instead of a download, {Expected}; download the file itself";
        if (Starts("<"))
            return $"is XML or HTML text, such as a server's error message, {Expected}; download the file itself";
        if (text is ['{' or '[', ..] && (text.Contains("\"nbformat\"", StringComparison.Ordinal) || text.Contains("\"cell_type\"", StringComparison.Ordinal)))
            return $"is a Jupyter notebook, {Expected}; {SaveStateDict}";
        if (text is ['{', ..] && (text.Contains("\"weight_map\"", StringComparison.Ordinal) || text.Contains("\"total_size\"", StringComparison.Ordinal)))
            return $"is the index of weights split over several files, {Expected}; load the files that it names";
        return text is ['{' or '[', ..]
            ? $"is JSON text, such as a server's error message, starting with '{Names.Shorten(text)}', {Expected}; download the file itself"
            : $"is text starting with '{Names.Shorten(text)}', {Expected}; {FetchAgain}";

        bool Starts(string start) => text.StartsWith(start, StringComparison.OrdinalIgnoreCase);
    }
}
