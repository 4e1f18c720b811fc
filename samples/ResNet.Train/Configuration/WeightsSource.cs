namespace ResNet.Train;

/// <summary>The value of <c>--weights</c>: a word for published weights, or a file's full path.</summary>
internal static class WeightsSource
{
    public const string ImageNet = "imagenet", Torchvision = "torchvision";

    /// <summary>The words for published weights. A file with such a name is <c>./imagenet</c>.</summary>
    public static IReadOnlyList<string> Published { get; } = [ImageNet, Torchvision];

    public static bool IsPublished(string? weights) => weights is not null && Published.Contains(weights);

    /// <returns>One of <see cref="Published"/>, or a full path, which is never one of them.</returns>
    public static string Parse(string text) => Published.FirstOrDefault(word => word.Equals(text, StringComparison.OrdinalIgnoreCase)) ?? Path.GetFullPath(text);
}
