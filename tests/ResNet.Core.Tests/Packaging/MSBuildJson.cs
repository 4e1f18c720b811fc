using System.Text.Json;

namespace ResNet.Core.Tests.Packaging;

/// <summary>What a project evaluates to, asked with <c>dotnet msbuild -getItem:…</c>.</summary>
internal static class MSBuildJson
{
    public static List<Dictionary<string, string>> Items(this ChildResult result, string name)
    {
        using var json = JsonDocument.Parse(result.Succeeded().Output);
        return json.RootElement.GetProperty("Items").GetProperty(name).Deserialize<List<Dictionary<string, string>>>()!;
    }
}
