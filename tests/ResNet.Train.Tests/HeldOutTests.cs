namespace ResNet.Train.Tests;

/// <summary>Which images are taken from the training for the test and the validation.</summary>
public sealed class HeldOutTests
{
    [Fact]
    public void The_last_image_of_a_class_is_not_held_out()
    {
        // 200 classes of three, as many of one, and one class of many
        Picture[] images = [.. Enumerable.Range(0, 200).SelectMany(label => Of(label, 3)), .. Enumerable.Range(200, 200).SelectMany(label => Of(label, 1)), .. Of(400, 50)];
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
        Picture[] images = [.. Enumerable.Range(0, 5).SelectMany(label => Of(label, 40))];
        var (heldOut, others) = DataSet.Split(images);

        new Random(0).Shuffle(images);
        Assert.Equal(images[..20], heldOut);
        Assert.Equal(images[20..], others);
    }

    private static IEnumerable<Picture> Of(int label, int count) =>
        Enumerable.Range(0, count).Select(i => new MemoryPicture(new byte[1], 1, label, $"{label} {i}"));
}
