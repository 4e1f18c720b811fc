using System.Text;

namespace ResNet.Train;

/// <summary>
/// CIFAR-10 and CIFAR-100 in their binary version: records of one label (CIFAR-10) or a coarse and a fine label
/// (CIFAR-100), and 3x32x32 bytes.
/// </summary>
internal static class CifarSet
{
    public const string Files = "data_batch_1.bin to data_batch_5.bin and test_batch.bin, or train.bin and test.bin";

    private const int Side = 32, ImageLength = 3 * Side * Side;

    /// <summary>One of the two datasets. A record's last label is its class.</summary>
    private sealed record Version(string[] Training, string Test, int Labels, string Names, int Classes);

    private static readonly Version cifar10 = new(["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"], "test_batch.bin", 1, "batches.meta.txt", 10);
    private static readonly Version cifar100 = new(["train.bin"], "test.bin", 2, "fine_label_names.txt", 100);

    public static bool IsIn(string folder) => Find(folder) is not null;

    public static DataSet Load(string folder)
    {
        var version = Find(folder)!;
        var (validation, training) = DataSet.Split([.. version.Training.SelectMany(name => Read(folder, name, version))]);
        return new DataSet(ReadClasses(folder, version), Grayscale: false, training, validation, [.. Read(folder, version.Test, version)], Recipe.Cifar);
    }

    private static Version? Find(string folder) =>
        File.Exists(Path.Combine(folder, cifar10.Training[0])) ? cifar10
        : File.Exists(Path.Combine(folder, cifar100.Training[0])) ? cifar100
        : null;

    private static IEnumerable<MemoryImage> Read(string folder, string name, Version version)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
            throw new UserException($"{folder}: expected a file {name}, found none");
        var data = InputFile.ReadAllBytes(path);
        var record = version.Labels + ImageLength;
        if (data.Length == 0 || data.Length % record != 0)
            throw new UserException($"{path}: expected records of {record} bytes, {Plural.Format(version.Labels, "label")} and 3x{Side}x{Side} pixels, got {data.Length} bytes");

        for (var start = 0; start < data.Length; start += record)
        {
            var label = data[start + version.Labels - 1];
            if (label >= version.Classes)
                throw new UserException($"{path}: expected labels from 0 to {version.Classes - 1}, got {label} for image {start / record}");
            yield return new MemoryImage(data.AsMemory(start + version.Labels, ImageLength), Side, label, $"{name} {start / record}");
        }
    }

    /// <returns>The class names from the file beside the images, or numbers if there is none.</returns>
    private static string[] ReadClasses(string folder, Version version)
    {
        var path = Path.Combine(folder, version.Names);
        string[] names = File.Exists(path) ? [.. Encoding.UTF8.GetString(InputFile.ReadAllBytes(path)).Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)] : [];
        return names.Length == version.Classes ? names : [.. Enumerable.Range(0, version.Classes).Select(i => $"{i}")];
    }
}
