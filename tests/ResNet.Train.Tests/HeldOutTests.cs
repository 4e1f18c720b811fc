namespace ResNet.Train.Tests;

/// <summary>Which images are taken from the training for the test and the validation.</summary>
public sealed class HeldOutTests
{
    [Fact]
    public void The_last_image_of_a_class_is_not_held_out()
    {
        // 200 classes of three, as many of one, and one class of many
        Image[] images = [.. Enumerable.Range(0, 200).SelectMany(label => Of(label, 3)), .. Enumerable.Range(200, 200).SelectMany(label => Of(label, 1)), .. Of(400, 50)];
        var (test, others) = DataSet.Split(images);
        var (validation, training) = DataSet.Split(others);

        Assert.Equal((85, 76), (test.Count, validation.Count));
        Assert.Equal(401, training.DistinctBy(image => image.Label).Count());
        Assert.Equal(images.Select(image => image.Name).Order(), test.Concat(validation).Concat(training).Select(image => image.Name).Order());
        // Whoever has none to spare gives none.
        Assert.DoesNotContain(test.Concat(validation), image => image.Label is >= 200 and < 400);
        Assert.Empty(DataSet.Split([.. Enumerable.Range(0, 30).SelectMany(label => Of(label, 1))]).HeldOut);
    }

    /// <summary>Documented results and trainings that are resumed without a list of their images depend on it.</summary>
    [Fact]
    public void Where_each_class_keeps_one_a_tenth_is_held_out_as_ever()
    {
        Image[] images = [.. Enumerable.Range(0, 5).SelectMany(label => Of(label, 40))];
        var (heldOut, others) = DataSet.Split(images);

        new Random(0).Shuffle(images);
        Assert.Equal(images[..20], heldOut);
        Assert.Equal(images[20..], others);
    }

    [Fact]
    public void Of_photographs_each_class_gives_a_tenth()
    {
        Image[] images = [.. Of(0, 100), .. Of(1, 37), .. Of(2, 8), .. Of(3, 1)];
        var (heldOut, others) = DataSet.SplitByClass(images);

        Assert.Equal(10, heldOut.Count(image => image.Label == 0));
        Assert.InRange(heldOut.Count(image => image.Label == 1), 3, 4);
        Assert.InRange(heldOut.Count(image => image.Label == 2), 0, 1);
        Assert.DoesNotContain(heldOut, image => image.Label == 3);
        Assert.Equal(images.Order(Comparer<Image>.Create((a, b) => string.CompareOrdinal(a.Name, b.Name))).Select(image => image.Name), heldOut.Concat(others).Select(image => image.Name).Order(StringComparer.Ordinal));
        Assert.Equal(heldOut, DataSet.SplitByClass(images).HeldOut);
        // Not the first ones of each
        Assert.NotEqual(Enumerable.Range(0, 10).Select(i => $"0 {i}"), heldOut.Where(image => image.Label == 0).Select(image => image.Name));
    }

    [Fact]
    public void Many_small_classes_give_a_tenth_of_all_and_keep_one_each()
    {
        var (heldOut, others) = DataSet.SplitByClass([.. Enumerable.Range(0, 50).SelectMany(label => Of(label, 2))]);
        Assert.Equal(10, heldOut.Count);
        Assert.Equal(50, others.DistinctBy(image => image.Label).Count());
    }

    [Fact]
    public void What_was_held_out_can_go_back_and_what_has_a_folder_stays()
    {
        var data = new DataSet(["0"], Grayscale: false, [.. Of(0, 5)], [.. Of(0, 2)], [.. Of(0, 3)], Recipe.Photographs) { TestIsHeldOut = true, ValidationIsHeldOut = true };
        Assert.Equal((7, 0, 3), Counts(data.Pool(test: false)));
        Assert.Equal((10, 0, 0), Counts(data.Pool(test: true)));
        Assert.Equal((7, 0, 3), Counts((data with { TestIsHeldOut = false }).Pool(test: true)));
        Assert.Equal((5, 2, 3), Counts((data with { TestIsHeldOut = false, ValidationIsHeldOut = false }).Pool(test: true)));

        static (int, int, int) Counts(DataSet data) => (data.Training.Count, data.Validation.Count, data.Test.Count);
    }

    private static IEnumerable<Image> Of(int label, int count) =>
        Enumerable.Range(0, count).Select(i => new MemoryImage(new byte[1], 1, label, $"{label} {i}"));
}
