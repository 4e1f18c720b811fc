namespace ResNet.Train;

/// <summary>MNIST, Fashion-MNIST and other datasets in their format: grayscale images of 28x28 in IDX files.</summary>
internal static class Mnist
{
    public const string Files = "train-images-idx3-ubyte.gz and three others";

    public static IReadOnlyList<string> FashionClasses { get; } =
        ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"];

    public static bool IsIn(string folder) => Directory.EnumerateFiles(folder, "*-ubyte").Concat(Directory.EnumerateFiles(folder, "*-ubyte.gz")).Any();

    /// <exception cref="UserException">A file is missing, damaged or in another format.</exception>
    public static DataSet Load(string folder)
    {
        var set = IdxSet.Read(folder);
        var isFashion = IsFashion(set.Training);
        var classes = isFashion ? FashionClasses : [.. Enumerable.Range(0, set.Training.Labels.Max() + 1).Select(i => $"{i}")];
        var (validation, training) = DataSet.Split(Wrap(set.Training, "training image"));
        return new DataSet(classes, Grayscale: true, training, validation, Wrap(set.Test, "test image"), isFashion ? Recipe.FashionMnist : Recipe.Digits);
    }

    /// <summary>
    /// The files do not name their dataset. Fashion-MNIST has ten classes and is brighter than handwriting: its mean is 0.286 on a scale
    /// of 0 to 1, while MNIST has 0.131, KMNIST 0.192 and EMNIST 0.172.
    /// </summary>
    private static bool IsFashion(IdxImages images) =>
        images.Labels.Max() == FashionClasses.Count - 1 && Math.Abs(images.Pixels.Average(pixel => pixel / 255.0) - 0.286) < 0.02;

    private static MemoryImage[] Wrap(IdxImages images, string name) =>
        [.. images.Labels.Select((label, i) => new MemoryImage(images.Pixels.AsMemory(i * IdxSet.Area, IdxSet.Area), IdxSet.Side, label, $"{name} {i}"))];
}
