namespace ResNet.Train;

/// <summary>MNIST, Fashion-MNIST and other sets of their format: grey pictures of 28x28 in IDX files.</summary>
internal static class Mnist
{
    public const string Files = "train-images-idx3-ubyte.gz and three others";

    public static IReadOnlyList<string> FashionClasses { get; } =
        ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot"];

    public static bool IsIn(string folder) => Directory.EnumerateFiles(folder, "*-ubyte").Concat(Directory.EnumerateFiles(folder, "*-ubyte.gz")).Any();

    /// <exception cref="UserException">A file is missing, damaged or not of this format.</exception>
    public static DataSet Load(string folder)
    {
        var set = IdxSet.Read(folder);
        var isFashion = IsFashion(set.Training);
        var classes = isFashion ? FashionClasses : [.. Enumerable.Range(0, set.Training.Labels.Max() + 1).Select(i => $"{i}")];
        var (validation, training) = DataSet.Split(Pictures(set.Training, "training image"));
        return new DataSet(classes, Grey: true, training, validation, Pictures(set.Test, "test image"), isFashion ? Recipe.FashionMnist : Recipe.Digits);
    }

    /// <summary>
    /// The files do not say what is in them. Clothes have ten classes and are brighter than what is written: 0.286 on a scale
    /// of 0 to 1, where MNIST has 0.131, KMNIST 0.192 and EMNIST 0.172.
    /// </summary>
    private static bool IsFashion(IdxImages pictures) =>
        pictures.Labels.Max() == FashionClasses.Count - 1 && Math.Abs(pictures.Pixels.Average(pixel => pixel / 255.0) - 0.286) < 0.02;

    private static MemoryPicture[] Pictures(IdxImages pictures, string name) =>
        [.. pictures.Labels.Select((label, i) => new MemoryPicture(pictures.Pixels.AsMemory(i * IdxSet.Area, IdxSet.Area), IdxSet.Side, label, $"{name} {i}"))];
}
