using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ResNet.Core.Tests;

/// <summary>The library's folders are layers: each uses those below it, and none of those above.</summary>
public class FoldersTests
{
    private const string Models = "the models"; // BasicBlock.cs, ResNet18.cs and what stands beside them

    /// <summary>From the lowest to the highest.</summary>
    private static readonly string[] layers = ["Files", "Training", "Modules", Models, "Family", "Weights", "Deployment", "Pretrained"];

    private static readonly ILookup<(string From, string To), string> arrows = Arrows();

    [Fact]
    public void Every_folder_has_a_place_among_the_layers()
    {
        var folders = Sources().Select(file => Folder(file)).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(layers.Order(StringComparer.Ordinal), folders);
    }

    [Fact]
    public void No_arrow_goes_up_and_none_in_a_circle()
    {
        var upward = arrows.Where(arrow => Array.IndexOf(layers, arrow.Key.To) > Array.IndexOf(layers, arrow.Key.From));
        Assert.Empty(upward.Select(arrow => $"{arrow.Key.From} uses {arrow.Key.To}: {string.Join("; ", arrow.Distinct().Take(5))}"));
    }

    /// <summary>Or the test above would have nothing to look at.</summary>
    [Theory]
    [InlineData("Weights", "Files")]
    [InlineData("Pretrained", "Files")]
    [InlineData("Deployment", "Files")]
    [InlineData("Deployment", "Family")]
    [InlineData("Family", Models)]
    [InlineData(Models, "Modules")]
    [InlineData("Modules", "Training")]
    public void Arrows_are_found_where_they_are(string from, string to) => Assert.NotEmpty(arrows[(from, to)]);

    [Fact]
    public void Weights_and_deployment_do_not_know_each_other() => Assert.Empty(arrows[("Deployment", "Weights")]);

    /// <returns>What each folder uses of each other one, as <c>file: symbol</c>.</returns>
    private static ILookup<(string From, string To), string> Arrows()
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) != "ResNet.Core.dll")
            .Select(path => MetadataReference.CreateFromFile(path));
        SyntaxTree[] trees = [.. Sources().Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), path: file))];
        const string implicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";
        var compilation = CSharpCompilation.Create(
            "ResNet.Core", [.. trees, CSharpSyntaxTree.ParseText(implicitUsings)], references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));

        var uses =
            from tree in trees
            let model = compilation.GetSemanticModel(tree)
            from name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>() // comments have none
            let symbol = model.GetSymbolInfo(name).Symbol
            where symbol is not null and not INamespaceSymbol
            from declaration in symbol.OriginalDefinition.DeclaringSyntaxReferences
            let to = Folder(declaration.SyntaxTree.FilePath)
            let @from = Folder(tree.FilePath)
            where to != @from
            select (Arrow: (@from, to), Use: $"{Path.GetFileName(tree.FilePath)}: {symbol.Name}");
        return uses.ToLookup(use => use.Arrow, use => use.Use);
    }

    private static string Library => Path.Combine(Repository.Root, "src", "ResNet.Core");

    private static IEnumerable<string> Sources() =>
        from file in Directory.EnumerateFiles(Library, "*.cs", SearchOption.AllDirectories)
        where Path.GetRelativePath(Library, file).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj" or "buildTransitive")
        select file;

    private static string Folder(string file) =>
        Path.GetRelativePath(Library, file).Split(Path.DirectorySeparatorChar) is [var folder, _, ..] ? folder : Models;
}
