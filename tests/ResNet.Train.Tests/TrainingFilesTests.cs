using ResNet.Core;

namespace ResNet.Train.Tests;

/// <summary>The files of a training obey the same rules as the options.</summary>
public sealed class TrainingFilesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly string settings = ToText(new Settings("data", null, Recipe.Photographs, 1, "cpu", Precision.Fp32, false).ToJson());

    private static readonly string network = ToText(new ModelConfig(Stem.Conv7, 32, 1, Grayscale: false, new Normalization([0.25, 0.25, 0.5], [0.125, 0.125, 0.75]), ["cat", "dog"]).ToJson());

    [Theory]
    [InlineData("\"Epochs\": 20", "\"Epochs\": -1", "Recipe.Epochs: expected a whole number from 1 to 10000, got -1")]
    [InlineData("\"BatchSize\": 32", "\"BatchSize\": 0", "Recipe.BatchSize: expected a whole number from 2 to 4096, got 0")]
    [InlineData("\"Size\": 224", "\"Size\": 0", "Recipe.Size: expected a whole number from 16 to 1024, got 0")]
    [InlineData("\"Size\": 224", "\"Size\": 224.5", "$.Recipe.Size")]
    [InlineData("\"LearningRate\": 0.02", "\"LearningRate\": 0", "Recipe.LearningRate: expected a number above 0, got 0")]
    [InlineData("\"LearningRate\": 0.02", "\"LearningRate\": 1e400", "Recipe.LearningRate: expected a number above 0, got Infinity")]
    [InlineData("\"LearningRate\": 0.02", "\"LearningRate\": \"0,02\"", "$.Recipe.LearningRate")]
    [InlineData("\"LearningRate\": 0.02", "\"LearningRate\": NaN", "$.Recipe.LearningRate")]
    [InlineData("\"Frame\": 0.875", "\"Frame\": 0", "Recipe.Frame: expected a number from 0.1 to 2, got 0")]
    [InlineData("\"Shift\": 0", "\"Shift\": -1", "Recipe.Shift: expected a whole number from 0 to 1000, got -1")]
    [InlineData("\"Scale\": 0.35", "\"Scale\": 0", "Recipe.Scale: expected a number above 0, to 1, got 0")]
    [InlineData("\"Flip\": 0.5", "\"Flip\": 2", "Recipe.Flip: expected a number from 0 to 1, got 2")]
    [InlineData("\"Erase\": 0", "\"Erase\": 2", "Recipe.Erase: expected a number from 0 to 1, got 2")]
    [InlineData("\"Warmup\": 0.25", "\"Warmup\": 1", "Recipe.Warmup: expected a number from 0 to below 1, got 1")]
    [InlineData("\"WeightDecay\": 0.0005", "\"WeightDecay\": -1", "Recipe.WeightDecay: expected a number from 0 to 1, got -1")]
    [InlineData("\"LabelSmoothing\": 0.1", "\"LabelSmoothing\": 1", "Recipe.LabelSmoothing: expected a number from 0 to below 1, got 1")]
    [InlineData("\"Ema\": 0", "\"Ema\": 1", "Recipe.Ema: expected a number from 0 to below 1, got 1")]
    [InlineData("\"resnet18\"", "\"resnet20\"", $"Architecture: expected {ArchitectureTests.Names}, got \"resnet20\"")]
    [InlineData("\"resnet18\"", "2", $"Architecture: expected {ArchitectureTests.Names}, got 2")]
    [InlineData("\"resnet18\"", "null", $"Architecture: expected {ArchitectureTests.Names}, got null")]
    [InlineData("\"Conv7MaxPool\"", "77", "Stem: expected Conv7, Conv7MaxPool, Conv3, got 77")]
    [InlineData("\"Conv7MaxPool\"", "\"1\"", "Stem: expected Conv7, Conv7MaxPool, Conv3, got \"1\"")]
    [InlineData("\"Conv7MaxPool\"", "\"Conv7, Conv3\"", "Stem: expected Conv7, Conv7MaxPool, Conv3, got \"Conv7, Conv3\"")]
    [InlineData("\"Fp32\"", "1", "Precision: expected Auto, Fp32, Bf16, Fp16, got 1")]
    [InlineData("\"Seed\": 1", "\"Seed\": -1", "Seed: expected a whole number from 0 to 2147483647, got -1")]
    [InlineData("\"Seed\": 1", "\"Seed\": 1, \"Seed\": 2", "'Seed'")]
    [InlineData("\"Seed\": 1", "\"Seed\": 1, \"Sed\": 2", "'Sed'")]
    public void Settings_that_no_option_accepts_are_refused(string good, string bad, string message)
    {
        File.WriteAllText(_folder["settings.json"], settings);
        Assert.Equal(Recipe.Photographs, Settings.Read(_folder.Path).Recipe);

        Assert.Contains(good, settings, StringComparison.Ordinal);
        File.WriteAllText(_folder["settings.json"], settings.Replace(good, bad, StringComparison.Ordinal));
        AssertRefused(message, "settings.json: ", () => Settings.Read(_folder.Path));
    }

    [Theory]
    [InlineData("\"Size\": 32", "\"Size\": 0", "Size: expected a whole number from 16 to 1024, got 0")]
    [InlineData("\"Frame\": 1", "\"Frame\": 1e400", "Frame: expected a number from 0.1 to 2, got Infinity")]
    [InlineData("\"resnet18\"", "\"resnet20\"", $"Architecture: expected {ArchitectureTests.Names}, got \"resnet20\"")]
    [InlineData("\"resnet18\"", "null", $"Architecture: expected {ArchitectureTests.Names}, got null")]
    [InlineData("\"Conv7\"", "77", "Stem: expected Conv7, Conv7MaxPool, Conv3, got 77")]
    [InlineData("0.25,0.25,0.5", "0.25,0.5", "expected 3 means and standard deviations for color images, got 2 and 3")]
    [InlineData("0.125,0.125,0.75", "", "expected 3 means and standard deviations for color images, got 3 and 0")]
    [InlineData("0.25,0.25,0.5", "0.25,0.25,127", "Mean: expected a number from 0 to 1, got 127")]
    [InlineData("0.125,0.125,0.75", "0.125,0,0.75", "StandardDeviation: expected a number above 0, got 0")]
    [InlineData("\"cat\",\"dog\"", "", "expected one class or more, got none")]
    [InlineData("\"cat\",\"dog\"", "\"cat\",\"cat\"", "expected distinct class names, got cat twice")]
    [InlineData("\"cat\",\"dog\"", "\"cat\",null", "expected a name for each class, got an empty one")]
    [InlineData("\"cat\",\"dog\"", "\"cat\",\"\"", "expected a name for each class, got an empty one")]
    public void An_invalid_model_config_is_refused(string good, string bad, string message)
    {
        var compact = string.Join('\n', network.Split('\n').Select(line => line.Trim())).Replace(",\n", ",", StringComparison.Ordinal);
        File.WriteAllText(_folder["network.json"], compact);
        Assert.Equal(["cat", "dog"], ModelConfig.Read(_folder.Path).Classes);

        Assert.Contains(good, compact, StringComparison.Ordinal);
        File.WriteAllText(_folder["network.json"], compact.Replace(good, bad, StringComparison.Ordinal));
        AssertRefused(message, "network.json: ", () => ModelConfig.Read(_folder.Path));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void A_state_with_an_impossible_number_of_epochs_is_refused(long count)
    {
        using var state = new TrainingState(new ResNet18(2), epochs: 2);
        using (TorchSharp.torch.no_grad())
            state.state_dict()["epochs_done"].fill_(count);
        Checkpoint.Save(state, _folder["state.safetensors"]);

        using var other = new TrainingState(new ResNet18(2), epochs: 2);
        AssertRefused("state.safetensors: expected 0 to 2 complete epochs, got " + count, "resume: ", () => SavedState.Load(other, _folder["state.safetensors"]));
    }

    private static string ToText(byte[] json) => System.Text.Encoding.UTF8.GetString(json);

    private static void AssertRefused(string message, string start, Action act)
    {
        var problem = Assert.Throws<UserException>(act).Message;
        Assert.Contains(message, problem, StringComparison.Ordinal);
        Assert.Contains(start, problem, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', problem);
    }
}
