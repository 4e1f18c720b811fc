namespace ResNet.Train.Tests;

/// <summary>The training images that are held out for the test and the validation.</summary>
public sealed class HeldOutTests
{
    [Fact]
    public void The_last_image_of_a_class_is_never_held_out()
    {
        // 200 classes of three images, 200 of one, and one of fifty
        Image[] images = [.. Enumerable.Range(0, 200).SelectMany(label => CreateImages(label, 3)), .. Enumerable.Range(200, 200).SelectMany(label => CreateImages(label, 1)), .. CreateImages(400, 50)];
        var (test, others) = DataSet.Split(images);
        var (validation, training) = DataSet.Split(others);

        Assert.Equal((85, 76), (test.Count, validation.Count));
        Assert.Equal(401, training.DistinctBy(image => image.Label).Count());
        Assert.Equal(images.Select(image => image.Name).Order(), test.Concat(validation).Concat(training).Select(image => image.Name).Order());
        // A class with a single image keeps it.
        Assert.DoesNotContain(test.Concat(validation), image => image.Label is >= 200 and < 400);
        Assert.Empty(DataSet.Split([.. Enumerable.Range(0, 30).SelectMany(label => CreateImages(label, 1))]).HeldOut);
    }

    /// <summary>Documented results depend on the choice, and so do trainings that resume without a list of images.</summary>
    [Fact]
    public void Split_keeps_its_choice_between_versions()
    {
        Image[] images = [.. Enumerable.Range(0, 5).SelectMany(label => CreateImages(label, 40))];
        var (heldOut, others) = DataSet.Split(images);

        new Random(0).Shuffle(images);
        Assert.Equal(images[..20], heldOut);
        Assert.Equal(images[20..], others);
    }

    [Fact]
    public void SplitByClass_holds_out_a_tenth_of_each_class()
    {
        Image[] images = [.. CreateImages(0, 100), .. CreateImages(1, 37), .. CreateImages(2, 8), .. CreateImages(3, 1)];
        var (heldOut, others) = DataSet.SplitByClass(images);

        Assert.Equal(10, heldOut.Count(image => image.Label == 0));
        Assert.InRange(heldOut.Count(image => image.Label == 1), 3, 4);
        Assert.InRange(heldOut.Count(image => image.Label == 2), 0, 1);
        Assert.DoesNotContain(heldOut, image => image.Label == 3);
        Assert.Equal(images.Order(Comparer<Image>.Create((a, b) => string.CompareOrdinal(a.Name, b.Name))).Select(image => image.Name), heldOut.Concat(others).Select(image => image.Name).Order(StringComparer.Ordinal));
        Assert.Equal(heldOut, DataSet.SplitByClass(images).HeldOut);
        // Not the first images of each class
        Assert.NotEqual(Enumerable.Range(0, 10).Select(i => $"0 {i}"), heldOut.Where(image => image.Label == 0).Select(image => image.Name));
    }

    [Fact]
    public void Many_small_classes_keep_one_image_each_and_a_tenth_of_all_is_held_out()
    {
        var (heldOut, others) = DataSet.SplitByClass([.. Enumerable.Range(0, 50).SelectMany(label => CreateImages(label, 2))]);
        Assert.Equal(10, heldOut.Count);
        Assert.Equal(50, others.DistinctBy(image => image.Label).Count());
    }

    [Fact]
    public void Pool_returns_held_out_images_and_leaves_parts_with_their_own_folder()
    {
        var data = new DataSet(["0"], Grayscale: false, [.. CreateImages(0, 5)], [.. CreateImages(0, 2)], [.. CreateImages(0, 3)], Recipe.Photographs) { TestIsHeldOut = true, ValidationIsHeldOut = true };
        Assert.Equal((7, 0, 3), CountParts(data.Pool(test: false)));
        Assert.Equal((10, 0, 0), CountParts(data.Pool(test: true)));
        Assert.Equal((7, 0, 3), CountParts((data with { TestIsHeldOut = false }).Pool(test: true)));
        Assert.Equal((5, 2, 3), CountParts((data with { TestIsHeldOut = false, ValidationIsHeldOut = false }).Pool(test: true)));

        static (int, int, int) CountParts(DataSet data) => (data.Training.Count, data.Validation.Count, data.Test.Count);
    }

    private static IEnumerable<Image> CreateImages(int label, int count) =>
        Enumerable.Range(0, count).Select(i => new MemoryImage(new byte[1], 1, label, $"{label} {i}"));
}
