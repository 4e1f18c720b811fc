namespace ResNet.Train;

/// <summary>Where a picture lies on the <see cref="Canvas"/>, and whether it is mirrored.</summary>
internal readonly record struct Placement(int Top, int Left, bool Flipped)
{
    private const int Margin = Canvas.Side - FashionMnist.Side;

    public static Placement Middle { get; } = new(Margin / 2, Margin / 2, Flipped: false);

    /// <summary>Anywhere, mirrored or not: a shoe that points left is still a shoe.</summary>
    public static Placement Random(Random random) => new(random.Next(Margin + 1), random.Next(Margin + 1), random.Next(2) == 1);
}
