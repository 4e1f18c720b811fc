using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ResNet.Core.Tests;

/// <summary>A project's folders are layers: each uses those below it, and none of those above.</summary>
public class FoldersTests
{
    private const string Core = "ResNet.Core", Distributed = "ResNet.Core.Distributed", Train = "ResNet.Train";
    private const string Models = "the models"; // BasicBlock.cs, ResNet18.cs and what stands beside them
    private const string Group = "the group"; // ProcessGroup.cs
    private const string Program = "the program"; // Program.cs and CommandLine.cs

    /// <summary>From the lowest to the highest.</summary>
    private static readonly Dictionary<string, string[]> layers = new()
    {
        [Core] = ["Files", "Onnx", "Training", "Modules", Models, "Family", "Weights", "Deployment", "Pretrained"],
        [Distributed] = ["Mpi", "Communication", "Nccl", Group, "Parallel"],
        [Train] = ["Configuration", "Ranks", "Data", "Inference", "Weights", "Training", "Transfer", "Explanation", "Output", "Commands", Program],
    };

    public static TheoryData<string> Projects => [.. layers.Keys];

    private static readonly Dictionary<string, ILookup<(string From, string To), string>> arrows = layers.Keys.ToDictionary(library => library, FindArrows);

    [Theory]
    [MemberData(nameof(Projects))]
    public void Every_folder_has_a_place_among_the_layers(string library)
    {
        var folders = Sources(library).Select(file => Folder(library, file)).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(layers[library].Order(StringComparer.Ordinal), folders);
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void No_arrow_goes_up_and_none_in_a_circle(string library)
    {
        var upward = arrows[library].Where(arrow => Array.IndexOf(layers[library], arrow.Key.To) > Array.IndexOf(layers[library], arrow.Key.From));
        Assert.Empty(upward.Select(arrow => $"{arrow.Key.From} uses {arrow.Key.To}: {string.Join("; ", arrow.Distinct().Take(5))}"));
    }

    /// <summary>Or the test above would have nothing to look at.</summary>
    [Theory]
    [InlineData(Core, "Weights", "Files")]
    [InlineData(Core, "Weights", "Onnx")]
    [InlineData(Core, "Deployment", "Onnx")]
    [InlineData(Core, "Pretrained", "Files")]
    [InlineData(Core, "Deployment", "Files")]
    [InlineData(Core, "Deployment", "Family")]
    [InlineData(Core, "Family", Models)]
    [InlineData(Core, Models, "Modules")]
    [InlineData(Core, "Modules", "Training")]
    [InlineData(Distributed, "Parallel", Group)]
    [InlineData(Distributed, Group, "Nccl")]
    [InlineData(Distributed, "Nccl", "Communication")]
    [InlineData(Distributed, "Communication", "Mpi")]
    [InlineData(Train, "Ranks", "Configuration")]
    [InlineData(Train, "Data", "Ranks")]
    [InlineData(Train, "Inference", "Data")]
    [InlineData(Train, "Weights", "Configuration")]
    [InlineData(Train, "Training", "Inference")]
    [InlineData(Train, "Transfer", "Training")]
    [InlineData(Train, "Explanation", "Data")]
    [InlineData(Train, "Output", "Training")]
    [InlineData(Train, "Commands", "Output")]
    [InlineData(Train, Program, "Commands")]
    public void Arrows_are_found_where_they_are(string library, string from, string to) => Assert.NotEmpty(arrows[library][(from, to)]);

    [Fact]
    public void Weights_and_deployment_do_not_know_each_other() => Assert.Empty(arrows[Core][("Deployment", "Weights")]);

    /// <returns>What each folder uses of each other one, as <c>file: symbol</c>.</returns>
    private static ILookup<(string From, string To), string> FindArrows(string library)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileNameWithoutExtension(path) != library)
            .Select(path => MetadataReference.CreateFromFile(path));
        SyntaxTree[] trees = [.. Sources(library).Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), path: file))];
        const string implicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";
        var compilation = CSharpCompilation.Create(
            library, [.. trees, CSharpSyntaxTree.ParseText(implicitUsings)], references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));

        var uses =
            from tree in trees
            let model = compilation.GetSemanticModel(tree)
            from name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>() // comments have none
            let info = model.GetSymbolInfo(name)
            let symbol = info.Symbol ?? info.CandidateSymbols.FirstOrDefault() // an argument may be of a type that is not referenced here
            where symbol is not null and not INamespaceSymbol
            from declaration in symbol.OriginalDefinition.DeclaringSyntaxReferences
            let to = Folder(library, declaration.SyntaxTree.FilePath)
            let @from = Folder(library, tree.FilePath)
            where to != @from
            select (Arrow: (@from, to), Use: $"{Path.GetFileName(tree.FilePath)}: {symbol.Name}");
        return uses.ToLookup(use => use.Arrow, use => use.Use);
    }

    private static string Root(string library) => Path.Combine(Repository.Root, library == Train ? "samples" : "src", library);

    private static IEnumerable<string> Sources(string library) =>
        from file in Directory.EnumerateFiles(Root(library), "*.cs", SearchOption.AllDirectories)
        where Path.GetRelativePath(Root(library), file).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj" or "buildTransitive")
        select file;

    private static string Folder(string library, string file) =>
        Path.GetRelativePath(Root(library), file).Split(Path.DirectorySeparatorChar) is [var folder, _, ..] ? folder : library switch { Core => Models, Distributed => Group, _ => Program };
}
