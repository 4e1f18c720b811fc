namespace ResNet.Tests;

/// <summary>
/// <c>[Trait(Category.Name, Category.Slow)]</c> marks the tests that the inner loop leaves out: <c>dotnet test --filter Category!=Slow</c>.
/// All other tests together take at most two minutes, and cover every feature.
/// </summary>
internal static class Category
{
    public const string Name = "Category", Slow = "Slow";
}
