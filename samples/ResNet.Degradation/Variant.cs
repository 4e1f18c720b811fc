
namespace ResNet.Degradation;

/// <summary>One of the networks to compare.</summary>
/// <param name="Kind">Plain or residual.</param>
/// <param name="Layers">The number of convolutions, plus one for the classifier.</param>
/// <param name="PaperTestError">The test error on CIFAR-10 in %, from Table 6 of the paper; null where the paper has a curve but no number.</param>
internal sealed record Variant(Kind Kind, int Layers, double? PaperTestError)
{
    /// <summary>All variants, in training order.</summary>
    public static IReadOnlyList<Variant> All { get; } =
    [
        new(Kind.Plain, 20, PaperTestError: null),
        new(Kind.Plain, 56, PaperTestError: null),
        new(Kind.Residual, 20, PaperTestError: 8.75),
        new(Kind.Residual, 56, PaperTestError: 6.97),
    ];

    public string Name => $"{(Kind == Kind.Plain ? "plain" : "residual")}-{Layers}";

    public static string FormatNames(IEnumerable<Variant> variants) => string.Join(", ", variants.Select(variant => variant.Name));

    /// <exception cref="UserException">The text names an unknown network, or one twice.</exception>
    public static IReadOnlyList<Variant> Parse(string names)
    {
        var variants = names.Split(',', StringSplitOptions.TrimEntries).Select(name => All.FirstOrDefault(variant => variant.Name == name)
            ?? throw new UserException($"--networks: expected {FormatNames(All)}, got '{name}'")).ToArray();
        return variants.Distinct().Count() == variants.Length ? variants : throw new UserException($"--networks: expected each network once, got '{names}'");
    }
}
