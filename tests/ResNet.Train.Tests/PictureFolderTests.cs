namespace ResNet.Train.Tests;

public sealed class PictureFolderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_classes_are_the_folders_in_the_order_of_their_characters()
    {
        Add("cat/1.jpg", "Dog/1.jpg", "apple/1.jpg", "Émeu/1.jpg", "cat-2/1.jpg");

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["Dog", "apple", "cat", "cat-2", "Émeu"], data.Classes);
        Assert.All(All(data), picture => Assert.Equal(data.Classes[picture.Label], Relative(picture).Split('/')[0]));
        Assert.False(data.Grey);
        Assert.Same(Recipe.Photographs, data.Defaults);
    }

    [Fact]
    public void What_is_hidden_is_no_class_and_no_picture()
    {
        Add("cat/1.jpg", "cat/.DS_Store", "dog/1.jpg", ".git/config", ".DS_Store", "readme.txt");

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(["cat/1.jpg", "dog/1.jpg"], Names(All(data)));
    }

    [Fact]
    public void What_is_in_a_hidden_folder_of_a_class_is_no_picture()
    {
        Add("cat/1.jpg", "cat/.thumbnails/1.jpg", "cat/more/.thumbnails/large/1.jpg", "dog/1.jpg");
        Assert.Equal(["cat/1.jpg", "dog/1.jpg"], Names(All(DataSet.Load(_folder.Path))));
    }

    [Fact]
    public void Pictures_may_lie_deeper()
    {
        Add("cat/a/1.jpg", "cat/a/b/2.jpg", "cat/3.jpg", "dog/1.jpg");

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat/3.jpg", "cat/a/1.jpg", "cat/a/b/2.jpg", "dog/1.jpg"], Names(All(data)));
        Assert.Equal(3, All(data).Count(picture => picture.Label == 0));
    }

    [Fact]
    public void A_set_without_parts_is_split_the_same_way_each_time()
    {
        Add([.. Enumerable.Range(0, 200).Select(i => $"{(i % 2 == 0 ? "cat" : "dog")}/{i}.jpg")]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(20, data.Test.Count);
        Assert.InRange(data.Validation.Count, 18, 20);
        Assert.Equal(200, All(data).Count());
        Assert.Equal(200, Names(All(data)).Distinct().Count());
        Assert.Contains(data.Test, picture => picture.Label == 0);
        Assert.Contains(data.Test, picture => picture.Label == 1);

        var again = DataSet.Load(_folder.Path);
        Assert.Equal(data.Training.Select(Relative), again.Training.Select(Relative));
        Assert.Equal(data.Validation.Select(Relative), again.Validation.Select(Relative));
        Assert.Equal(data.Test.Select(Relative), again.Test.Select(Relative));
    }

    [Theory]
    [InlineData("train", "val")]
    [InlineData("Training", "Validation")]
    [InlineData("train", "test")]
    public void The_only_set_beside_the_training_pictures_is_for_the_test(string train, string other)
    {
        Add([.. Classes(train, 30), .. Classes(other, 3)]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(Classes(other, 3).Order(StringComparer.Ordinal), Names(data.Test));
        Assert.Equal(6, data.Validation.Count);
        Assert.Equal(Classes(train, 30).Order(StringComparer.Ordinal), Names(data.Training.Concat(data.Validation)));
    }

    [Fact]
    public void Three_sets_are_what_they_are_called()
    {
        Add([.. Classes("train", 10), .. Classes("val", 3), .. Classes("test", 4)]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(Classes("train", 10).Order(StringComparer.Ordinal), Names(data.Training));
        Assert.Equal(Classes("val", 3).Order(StringComparer.Ordinal), Names(data.Validation));
        Assert.Equal(Classes("test", 4).Order(StringComparer.Ordinal), Names(data.Test));
        Assert.All(All(data), picture => Assert.Equal(data.Classes[picture.Label], Relative(picture).Split('/')[1]));
    }

    [Fact]
    public void Training_pictures_alone_are_split()
    {
        Add([.. Classes("train", 50)]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(10, data.Test.Count);
        Assert.Equal(Classes("train", 50).Order(StringComparer.Ordinal), Names(All(data)));
    }

    [Fact]
    public void A_train_beside_a_plane_is_a_class()
    {
        Add("train/1.jpg", "plane/1.jpg", "car/1.jpg");
        Assert.Equal(["car", "plane", "train"], DataSet.Load(_folder.Path).Classes);
    }

    [Fact]
    public void A_class_may_be_missing_where_nothing_is_learned()
    {
        Add([.. Classes("train", 10), "val/dog/1.jpg"]);
        Assert.Equal(1, Assert.Single(DataSet.Load(_folder.Path).Test).Label);
    }

    [Theory]
    [InlineData("val")]
    [InlineData("test")]
    public void A_class_that_is_not_trained_is_told(string part)
    {
        Add([.. Classes("train", 10), .. Classes(part, 2), $"{part}/horse/1.jpg", $"{part}/mouse/1.jpg"]);
        Refused(_folder[part], "got others as well: horse, mouse");
    }

    [Fact]
    public void A_single_class_is_told()
    {
        Add("cat/1.jpg", "cat/2.jpg", ".hidden/1.jpg");
        Refused(_folder.Path, "two classes or more, got 1");
    }

    [Fact]
    public void Training_pictures_of_a_single_class_are_told()
    {
        Add("train/cat/1.jpg", "val/cat/1.jpg");
        Refused(_folder["train"], "two classes or more, got 1");
    }

    [Fact]
    public void An_empty_folder_is_told() => Refused(_folder.Path, "expected a folder of pictures for each class, or the files of MNIST's or CIFAR's format");

    [Fact]
    public void A_folder_of_files_alone_is_told()
    {
        Add("1.jpg", "2.jpg");
        Refused(_folder.Path, "expected a folder of pictures for each class");
    }

    [Fact]
    public void A_missing_folder_is_told()
    {
        var problem = Assert.Throws<UserException>(() => DataSet.Load(_folder["nothing"]));
        Assert.Contains($"--data: expected a folder, got '{_folder["nothing"]}'", problem.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Classes(string part, int count) =>
        Enumerable.Range(0, count).SelectMany(i => new[] { $"{part}/cat/{i}.jpg", $"{part}/dog/{i}.jpg" });

    private void Add(params string[] names)
    {
        foreach (var name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
            _folder.Write(name, []);
        }
    }

    private void Refused(string path, string message)
    {
        var problem = Assert.Throws<UserException>(() => DataSet.Load(_folder.Path));
        Assert.StartsWith(path + ":", problem.Message, StringComparison.Ordinal);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<Picture> All(DataSet data) => data.Training.Concat(data.Validation).Concat(data.Test);

    private IEnumerable<string> Names(IEnumerable<Picture> pictures) => pictures.Select(Relative).Order(StringComparer.Ordinal);

    private string Relative(Picture picture) => Path.GetRelativePath(_folder.Path, picture.Name).Replace('\\', '/');
}
