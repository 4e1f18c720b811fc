using System.Text.Json;

namespace ResNet.Core.Tests.Packaging;

/// <summary>Reads the output of <c>dotnet msbuild -getItem:…</c>, which evaluates a project.</summary>
internal static class MSBuildJson
{
    public static List<Dictionary<string, string>> ReadItems(this ChildResult result, string name)
    {
        using var json = JsonDocument.Parse(result.AssertSucceeded().Output);
        return json.RootElement.GetProperty("Items").GetProperty(name).Deserialize<List<Dictionary<string, string>>>()!;
    }
}
