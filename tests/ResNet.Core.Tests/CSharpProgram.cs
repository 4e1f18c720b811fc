using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace ResNet.Core.Tests;

/// <summary>Compiles programs as a user's project would.</summary>
internal static class CSharpProgram
{
    // The usings that ImplicitUsings adds to every new project.
    private const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly MetadataReference[] references =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    // The SDK suppresses these warnings in every project. They appear because the library targets an older .NET than the tests.
    private static readonly Dictionary<string, ReportDiagnostic> offByDefault = new() { ["CS1701"] = ReportDiagnostic.Suppress, ["CS1702"] = ReportDiagnostic.Suppress };

    /// <param name="code">A program with top-level statements.</param>
    /// <returns>Its errors and warnings.</returns>
    public static IReadOnlyList<Diagnostic> Compile(string code)
    {
        var compilation = CSharpCompilation.Create(
            "Program",
            [CSharpSyntaxTree.ParseText(code), CSharpSyntaxTree.ParseText(ImplicitUsings)],
            references,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable, specificDiagnosticOptions: offByDefault));
        // Emit also reports the errors that the compiler finds only when it rewrites await.
        return [.. compilation.Emit(Stream.Null).Diagnostics.Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)];
    }
}
