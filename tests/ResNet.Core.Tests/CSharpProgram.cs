using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace ResNet.Core.Tests;

/// <summary>What the compiler says of a user's program.</summary>
internal static class CSharpProgram
{
    // What ImplicitUsings gives every new project.
    private const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly MetadataReference[] references =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    // What the SDK turns off for every project: the library is built for an older .NET than the tests.
    private static readonly Dictionary<string, ReportDiagnostic> offByDefault = new() { ["CS1701"] = ReportDiagnostic.Suppress, ["CS1702"] = ReportDiagnostic.Suppress };

    /// <param name="code">With top-level statements.</param>
    /// <returns>Its errors and warnings.</returns>
    public static IReadOnlyList<Diagnostic> Compile(string code)
    {
        var compilation = CSharpCompilation.Create(
            "Program",
            [CSharpSyntaxTree.ParseText(code), CSharpSyntaxTree.ParseText(ImplicitUsings)],
            references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable, specificDiagnosticOptions: offByDefault));
        // Emit also finds what only the rewriting for await does.
        return [.. compilation.Emit(Stream.Null).Diagnostics.Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)];
    }
}
