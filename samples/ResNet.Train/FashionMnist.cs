namespace ResNet.Train;

/// <summary>Grey pictures and their labels, as bytes: 47 MB for the whole training set, a fifth of what floats would take.</summary>
/// <param name="Pixels">28x28 a picture, row by row, 0 is the background.</param>
/// <param name="Labels">0 to 9.</param>
internal sealed record Pictures(byte[] Pixels, byte[] Labels)
{
    public int Count => Labels.Length;

    public ReadOnlySpan<byte> this[int index] => Pixels.AsSpan(index * FashionMnist.PictureSize, FashionMnist.PictureSize);
}

/// <summary>Zalando's Fashion-MNIST, and any other set of its format: four files, 28x28 pictures, ten classes.</summary>
/// <param name="Training">What the network learns from, and in part what it is validated with.</param>
/// <param name="Test">What it is judged by, once, at the end.</param>
internal sealed record FashionMnist(Pictures Training, Pictures Test)
{
    public const int Side = 28;
    public const int PictureSize = Side * Side;

    /// <summary>Of all pixels of the 60,000 training images, on a scale of 0 to 1.</summary>
    public const float Mean = 0.2860f, StandardDeviation = 0.3530f;

    private const int LeastTrainingPictures = 20;

    public static IReadOnlyList<string> Classes { get; } =
        ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"];

    /// <exception cref="UserException">A file is missing, damaged or not of this format.</exception>
    public static FashionMnist Load(string folder)
    {
        if (!Directory.Exists(folder))
            throw new UserException($"--data: expected a folder, got '{folder}', which is none");

        var set = new FashionMnist(Load(folder, "train"), Load(folder, "t10k"));
        if (set.Training.Count < LeastTrainingPictures)
            throw new UserException($"{folder}: expected at least {LeastTrainingPictures} training images, got {set.Training.Count}");
        return set;
    }

    private static Pictures Load(string folder, string name)
    {
        var images = IdxFile.Read(Find(folder, $"{name}-images-idx3-ubyte"), Side, Side);
        var labels = IdxFile.Read(Find(folder, $"{name}-labels-idx1-ubyte"));
        if (images.Count != labels.Count)
            throw new UserException($"{labels.Path}: expected a label for each of the {images.Count} images in {Path.GetFileName(images.Path)}, got {labels.Count}");
        if (labels.Data.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)(Classes.Count - 1)) is >= 0 and var wrong)
            throw new UserException($"{labels.Path}: expected labels from 0 to {Classes.Count - 1}, got {labels.Data[wrong]} for image {wrong}");
        return new Pictures(images.Data, labels.Data);
    }

    private static string Find(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        return File.Exists(path + ".gz") ? path + ".gz"
            : File.Exists(path) ? path
            : throw new UserException($"{folder}: expected a file {name}.gz or {name}, found neither");
    }
}
