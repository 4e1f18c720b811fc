using System.Globalization;
using System.Text.Json;
using ResNet.Core.Pretrained;
using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Pretrained;

/// <summary>The records describe torchvision's files, and the cache is the folder of Python's torch.hub.</summary>
public sealed class PretrainedWeightsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Names => [.. PretrainedWeights.All.Select(weights => weights.Name)];

    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public void The_records_match_torchvisions()
    {
        var theirs = PyTorchFactAttribute.Run("published").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim());
        var ours = PretrainedWeights.All.Select(weights => string.Join('|',
            ((IEnumerable<object>)[GetBuilderName(weights), weights.Name.Split("_ImageNet1K_")[1].Insert(0, "IMAGENET1K_"), weights.Url, weights.NumClasses, weights.NumParameters, weights.Top1Accuracy, weights.Top5Accuracy, weights.ResizeSize, weights.CropSize, .. weights.Mean.Cast<object>(), .. weights.StandardDeviation.Cast<object>(), "bilinear"])
            .Select(value => Convert.ToString(value, CultureInfo.InvariantCulture))));
        Assert.Equal(theirs.Order(StringComparer.Ordinal), ours.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_record_belongs_to_a_network_of_this_library(string name)
    {
        var weights = PretrainedWeights.All.Single(weights => weights.Name == name);
        Assert.Same(weights, typeof(PretrainedWeights).GetProperty(name)!.GetValue(null));
        Assert.StartsWith($"{weights.Network}_", name, StringComparison.Ordinal);
        using var model = Family.Create(GetBuilderName(weights), weights.NumClasses, weights.Stem, META);
        Assert.Equal(weights.Network, model.GetType().Name);
        Assert.Equal(weights.NumParameters, model.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(8, weights.Sha256Prefix.Length);
        Assert.All(weights.Sha256Prefix, digit => Assert.True(char.IsAsciiHexDigitLower(digit)));
        Assert.EndsWith($"/{weights.FileName}", weights.Url.AbsoluteUri, StringComparison.Ordinal);
        Assert.Equal(Path.Combine("hub", "checkpoints", weights.FileName), Path.GetRelativePath(Path.GetFullPath(Path.Combine(weights.CachePath, "..", "..", "..")), weights.CachePath));
    }

    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public async Task The_cache_folder_is_torch_hubs_for_all_environment_variables()
    {
        using var python = PyTorchFactAttribute.Start("cache");
        string?[] homes = [null, "", "/data/torch", "/data/torch/", "~", "~/models", "~//models", "relative", "a~b", " "];
        foreach (var torch in homes)
            foreach (var xdg in torch is null ? homes : [null, "/xdg"])
                foreach (var home in (string[])["/home/me", "/home/me/", "/", ""])
                {
                    Dictionary<string, string?> variables = new() { ["TORCH_HOME"] = torch, ["XDG_CACHE_HOME"] = xdg, ["HOME"] = home };
                    var theirs = await python.AskAsync(JsonSerializer.Serialize(variables));
                    Assert.Equal(Path.GetFullPath(theirs), TorchHub.GetCheckpointsFolder(variables.GetValueOrDefault));
                }
        Assert.Contains("'~other/torch'", Assert.Throws<NotSupportedException>(() => TorchHub.GetCheckpointsFolder(name => name == "TORCH_HOME" ? "~other/torch" : null)).Message, StringComparison.Ordinal);
    }

    /// <summary>A network loads the file that was downloaded, and torch.hub then finds it without a second download.</summary>
    [PyTorchFact, Trait(Category.Name, Category.Slow)]
    public async Task A_downloaded_file_loads_and_torch_hub_finds_it()
    {
        using (var torchvision = PyTorchFactAttribute.Start("family", _folder.Path))
            await torchvision.AskAsync("resnet50");
        var content = await File.ReadAllBytesAsync(_folder["theirs.pth"]);
        using var server = new WebServer(request => WebResponse.Create(content, request));
        var name = $"resnet50-{CacheFolder.ComputeSha256(content)[..8]}.pth";
        var weights = PretrainedWeights.ResNet50_ImageNet1K_V2 with { Url = server[name], Sha256Prefix = CacheFolder.ComputeSha256(content)[..8], CachePath = Path.Combine(_folder.Path, "hub", "checkpoints", name) };

        using var model = new ResNet50(num_classes: 10);
        Assert.True(Checkpoint.Load(model, await weights.DownloadAsync()).IsComplete);
        using var other = new ResNet50(num_classes: 10, Stem.Conv7);
        Assert.Throws<InvalidDataException>(() => Checkpoint.Load(other, weights.CachePath));

        Assert.Equal("320 tensors", PyTorchFactAttribute.Run("hub", _folder.Path, server[name].AbsoluteUri).Trim());
        Assert.Single(server.Requests);
    }

    [Fact]
    public void A_mirror_changes_only_the_URL()
    {
        var weights = PretrainedWeights.ResNet50_ImageNet1K_V2;
        var mirrored = weights with { Url = new("https://mirror.example/other-name") };
        Assert.NotEqual(weights, mirrored);
        Assert.Equal(weights, mirrored with { Url = weights.Url });
        Assert.Equal(weights.CachePath, mirrored.CachePath);
        Assert.Equal("ResNet50_ImageNet1K_V2", $"{mirrored}");
        Assert.Throws<ArgumentException>(() => weights with { Url = new("net.pth", UriKind.Relative) });
        Assert.Throws<ArgumentException>(() => weights with { Url = new("file:///net.pth") });
    }

    [Fact]
    public void The_documents_table_lists_every_record()
    {
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "pretrained.md")).ReplaceLineEndings("\n");
        var rows = PretrainedWeights.All.Select(weights => string.Create(CultureInfo.InvariantCulture,
            $"| `{weights.Name}` | `{weights.FileName}` | {weights.NumParameters / 1e6:f1} M | {weights.Top1Accuracy:f2} | {weights.Top5Accuracy:f2} | {weights.ResizeSize} |\n"));
        Assert.Contains($"|---|---|---|---|---|---|\n{string.Concat(rows)}\n", document, StringComparison.Ordinal);
    }

    private static string GetBuilderName(PretrainedWeights weights) => weights.Network.Replace("WideResNet", "Wide_ResNet", StringComparison.Ordinal).ToLowerInvariant();
}
