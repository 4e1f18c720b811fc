namespace ResNet.Samples;

/// <summary>Grayscale images of 28x28 and their labels, as bytes.</summary>
/// <param name="Pixels">The pixels, image by image, row by row; 0 is the background.</param>
/// <param name="Labels">The class numbers, from 0.</param>
public sealed record IdxImages(byte[] Pixels, byte[] Labels);

/// <summary>The four files of MNIST, Fashion-MNIST or another dataset in their format.</summary>
/// <param name="Training">The training images: 60,000 in MNIST and Fashion-MNIST.</param>
/// <param name="Test">The test images: 10,000 in MNIST and Fashion-MNIST.</param>
public sealed record IdxSet(IdxImages Training, IdxImages Test)
{
    public const int Side = 28, Area = Side * Side;

    /// <exception cref="UserException">A file is missing, damaged or in another format.</exception>
    public static IdxSet Read(string folder)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"--data: expected a folder, got '{folder}', which is not a folder");
        var training = Read(folder, "train", byte.MaxValue);
        return new IdxSet(training, Read(folder, "t10k", training.Labels.Max()));
    }

    private static IdxImages Read(string folder, string name, byte lastLabel)
    {
        var images = IdxFile.Read(Find(folder, $"{name}-images-idx3-ubyte"), Side, Side);
        var labels = IdxFile.Read(Find(folder, $"{name}-labels-idx1-ubyte"));
        if (images.Count != labels.Count)
            throw new UserException($"{labels.Path}: expected a label for each of the {images.Count} images in {Path.GetFileName(images.Path)}, got {labels.Count}");
        if (labels.Data.AsSpan().IndexOfAnyExceptInRange((byte)0, lastLabel) is >= 0 and var wrong)
            throw new UserException($"{labels.Path}: expected labels from 0 to {lastLabel}, as the training images have, got {labels.Data[wrong]} for image {wrong}");
        return new IdxImages(images.Data, labels.Data);
    }

    private static string Find(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path + ".gz") ? path + ".gz"
            : File.Exists(path) ? path
            : throw new UserException($"{folder}: expected a file {name}.gz or {name}, found neither");
    }
}
