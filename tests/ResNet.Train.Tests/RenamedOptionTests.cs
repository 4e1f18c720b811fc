using System.CommandLine;

namespace ResNet.Train.Tests;

/// <summary>The options that were renamed after version 0.1.0 keep their old names for one version.</summary>
public sealed class RenamedOptionTests
{
    private readonly RecipeOptions _options = new();
    private readonly RootCommand _command = [];

    public RenamedOptionTests()
    {
        foreach (var option in _options.NetworkAndImages.Concat(_options.Steps).Concat(_options.Schedule))
            _command.Add(option);
    }

    public static TheoryData<string, string> Names => new()
    {
        { "--crop-ratio", "--frame" },
        { "--translate", "--shift" },
        { "--min-crop-area", "--scale" },
        { "--random-erase", "--erase" },
    };

    [Theory]
    [InlineData("--crop-ratio", "--translate", "--min-crop-area", "--random-erase")]
    [InlineData("--frame", "--shift", "--scale", "--erase")]
    public void Both_names_set_the_recipe(string cropRatio, string translation, string minCropArea, string randomErase)
    {
        var recipe = Parse(cropRatio, "1.5", translation, "3", minCropArea, "0.25", randomErase, "0.125");

        Assert.Equal(Recipe.Cifar with { CropRatio = 1.5, Translation = 3, MinCropArea = 0.25, RandomErase = 0.125 }, recipe);
    }

    [Fact]
    public void Without_options_the_recipe_stays() => Assert.Equal(Recipe.Cifar, Parse());

    [Theory]
    [MemberData(nameof(Names))]
    public void Both_names_at_once_are_refused(string name, string old)
    {
        foreach (var arguments in (string[][])[[name, "1", old, "1"], [old, "1", name, "1"]])
            Assert.Equal([$"{old}: expected either {name} or its old name, got both"], _command.Parse(arguments).Errors.Select(error => error.Message));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_bad_value_is_refused_under_the_name_that_was_given(string name, string old)
    {
        foreach (var option in (string[])[name, old])
            Assert.StartsWith($"{option}: expected a", Assert.Single(_command.Parse([option, "-1"]).Errors).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Help_shows_the_new_name_alone(string name, string old)
    {
        using var help = new StringWriter();
        _command.Parse(["--help"]).Invoke(new() { Output = help });

        Assert.Contains($"{name} <number>", $"{help}", StringComparison.Ordinal);
        Assert.DoesNotContain(old, $"{help}", StringComparison.Ordinal);
    }

    private Recipe Parse(params string[] arguments)
    {
        var result = _command.Parse(arguments);
        Assert.Empty(result.Errors);
        return _options.Apply(result, Recipe.Cifar);
    }
}
