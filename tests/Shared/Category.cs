namespace ResNet.Tests;

/// <summary>
/// The trait of tests that the inner loop leaves out, <c>dotnet test --filter Category!=Slow</c>: <c>[Trait(Category.Name, Category.Slow)]</c>.
/// All that is not slow takes two minutes at most, and covers every feature.
/// </summary>
internal static class Category
{
    public const string Name = "Category", Slow = "Slow";
}
