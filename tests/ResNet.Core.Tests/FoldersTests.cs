using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ResNet.Core.Tests;

/// <summary>A project's folders are layers: each uses only those below it.</summary>
public class FoldersTests
{
    private const string Core = "ResNet.Core", Distributed = "ResNet.Core.Distributed", Train = "ResNet.Train";
    private const string Models = "the models"; // BasicBlock.cs, ResNet18.cs and the files beside them
    private const string Group = "the group"; // ProcessGroup.cs
    private const string Program = "the program"; // Program.cs and CommandLine.cs

    /// <summary>The folders of each project, from the lowest layer to the highest.</summary>
    private static readonly Dictionary<string, string[]> layers = new()
    {
        [Core] = ["Files", "Onnx", "Training", "Modules", Models, "Family", "Weights", "Deployment", "Pretrained"],
        [Distributed] = ["Mpi", "Communication", "Nccl", Group, "Parallel"],
        [Train] = ["Configuration", "Ranks", "Data", "Inference", "Weights", "Training", "Transfer", "Explanation", "Output", "Commands", Program],
    };

    public static TheoryData<string> Projects => [.. layers.Keys];

    private static readonly Dictionary<string, ILookup<(string From, string To), string>> dependencies = layers.Keys.ToDictionary(library => library, FindDependencies);

    [Theory]
    [MemberData(nameof(Projects))]
    public void Every_folder_is_listed_as_a_layer(string library)
    {
        var folders = FindSources(library).Select(file => GetFolder(library, file)).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(layers[library].Order(StringComparer.Ordinal), folders);
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_use_only_lower_layers(string library)
    {
        var upward = dependencies[library].Where(uses => Array.IndexOf(layers[library], uses.Key.To) > Array.IndexOf(layers[library], uses.Key.From));
        Assert.Empty(upward.Select(uses => $"{uses.Key.From} uses {uses.Key.To}: {string.Join("; ", uses.Distinct().Take(5))}"));
    }

    /// <summary>Without this, the test above would also pass if it found no dependency at all.</summary>
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
    public void Known_dependencies_are_found(string library, string from, string to) => Assert.NotEmpty(dependencies[library][(from, to)]);

    [Fact]
    public void Deployment_does_not_use_Weights() => Assert.Empty(dependencies[Core][("Deployment", "Weights")]);

    /// <returns>The symbols that each folder uses of each other folder, as <c>file: symbol</c>.</returns>
    private static ILookup<(string From, string To), string> FindDependencies(string library)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileNameWithoutExtension(path) != library)
            .Select(path => MetadataReference.CreateFromFile(path));
        SyntaxTree[] trees = [.. FindSources(library).Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), path: file))];
        const string implicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";
        var compilation = CSharpCompilation.Create(
            library, [.. trees, CSharpSyntaxTree.ParseText(implicitUsings)], references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));

        var uses =
            from tree in trees
            let model = compilation.GetSemanticModel(tree)
            from name in tree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>() // comments have none
            let info = model.GetSymbolInfo(name)
            let symbol = info.Symbol ?? info.CandidateSymbols.FirstOrDefault() // an argument's type may not be referenced here
            where symbol is not null and not INamespaceSymbol
            from declaration in symbol.OriginalDefinition.DeclaringSyntaxReferences
            let to = GetFolder(library, declaration.SyntaxTree.FilePath)
            let @from = GetFolder(library, tree.FilePath)
            where to != @from
            select (Folders: (@from, to), Symbol: $"{Path.GetFileName(tree.FilePath)}: {symbol.Name}");
        return uses.ToLookup(use => use.Folders, use => use.Symbol);
    }

    private static string GetRoot(string library) => Path.Combine(Repository.Root, library == Train ? "samples" : "src", library);

    private static IEnumerable<string> FindSources(string library) =>
        from file in Directory.EnumerateFiles(GetRoot(library), "*.cs", SearchOption.AllDirectories)
        where Path.GetRelativePath(GetRoot(library), file).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj" or "buildTransitive")
        select file;

    private static string GetFolder(string library, string file) =>
        Path.GetRelativePath(GetRoot(library), file).Split(Path.DirectorySeparatorChar) is [var folder, _, ..] ? folder : library switch { Core => Models, Distributed => Group, _ => Program };
}
