using System.Diagnostics;

namespace ResNet.Train.Tests;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Classes_are_the_folders_in_ordinal_order()
    {
        AddFiles("cat/1.jpg", "Dog/1.jpg", "apple/1.jpg", "Émeu/1.jpg", "cat-2/1.jpg");

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["Dog", "apple", "cat", "cat-2", "Émeu"], data.Classes);
        Assert.All(data.All, image => Assert.Equal(data.Classes[image.Label], GetName(image).Split('/')[0]));
        Assert.False(data.Grayscale);
        Assert.Same(Recipe.Photographs, data.Defaults);
    }

    [Fact]
    public void Hidden_files_and_folders_are_ignored()
    {
        AddFiles("cat/1.jpg", "cat/.DS_Store", "dog/1.jpg", ".git/config", ".DS_Store", "readme.txt");

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(["cat/1.jpg", "dog/1.jpg"], GetNames(data.All));
    }

    [Fact]
    public void Hidden_folders_inside_a_class_are_ignored()
    {
        AddFiles("cat/1.jpg", "cat/.thumbnails/1.jpg", "cat/more/.thumbnails/large/1.jpg", "dog/1.jpg");
        Assert.Equal(["cat/1.jpg", "dog/1.jpg"], GetNames(DataSet.Load(_folder.Path).All));
    }

    [Fact]
    public void Images_may_lie_in_subfolders()
    {
        AddFiles("cat/a/1.jpg", "cat/a/b/2.jpg", "cat/3.jpg", "dog/1.jpg");

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat/3.jpg", "cat/a/1.jpg", "cat/a/b/2.jpg", "dog/1.jpg"], GetNames(data.All));
        Assert.Equal(3, data.All.Count(image => image.Label == 0));
    }

    [Fact]
    public void A_dataset_without_parts_is_always_split_the_same_way()
    {
        AddFiles([.. Enumerable.Range(0, 200).Select(i => $"{(i % 2 == 0 ? "cat" : "dog")}/{i}.jpg")]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(20, data.Test.Count);
        Assert.InRange(data.Validation.Count, 18, 20);
        Assert.Equal(200, data.All.Count);
        Assert.Equal(200, GetNames(data.All).Distinct().Count());
        Assert.Contains(data.Test, image => image.Label == 0);
        Assert.Contains(data.Test, image => image.Label == 1);

        var again = DataSet.Load(_folder.Path);
        Assert.Equal(data.Training.Select(GetName), again.Training.Select(GetName));
        Assert.Equal(data.Validation.Select(GetName), again.Validation.Select(GetName));
        Assert.Equal(data.Test.Select(GetName), again.Test.Select(GetName));
    }

    [Theory]
    [InlineData("train", "val")]
    [InlineData("Training", "Validation")]
    [InlineData("train", "test")]
    public void The_only_part_beside_the_training_images_is_the_test(string train, string other)
    {
        AddFiles([.. ListFiles(train, 30), .. ListFiles(other, 3)]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(ListFiles(other, 3).Order(StringComparer.Ordinal), GetNames(data.Test));
        Assert.Equal(6, data.Validation.Count);
        Assert.Equal(ListFiles(train, 30).Order(StringComparer.Ordinal), GetNames(data.Training.Concat(data.Validation)));
    }

    [Fact]
    public void Three_parts_are_what_they_are_called()
    {
        AddFiles([.. ListFiles("train", 10), .. ListFiles("val", 3), .. ListFiles("test", 4)]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(ListFiles("train", 10).Order(StringComparer.Ordinal), GetNames(data.Training));
        Assert.Equal(ListFiles("val", 3).Order(StringComparer.Ordinal), GetNames(data.Validation));
        Assert.Equal(ListFiles("test", 4).Order(StringComparer.Ordinal), GetNames(data.Test));
        Assert.All(data.All, image => Assert.Equal(data.Classes[image.Label], GetName(image).Split('/')[1]));
    }

    [Fact]
    public void Training_images_alone_are_split()
    {
        AddFiles([.. ListFiles("train", 50)]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(10, data.Test.Count);
        Assert.Equal(ListFiles("train", 50).Order(StringComparer.Ordinal), GetNames(data.All));
    }

    [Fact]
    public void A_train_beside_a_plane_is_a_class()
    {
        AddFiles("train/1.jpg", "plane/1.jpg", "car/1.jpg");
        Assert.Equal(["car", "plane", "train"], DataSet.Load(_folder.Path).Classes);
    }

    [Fact]
    public void A_class_may_be_missing_in_the_test()
    {
        AddFiles([.. ListFiles("train", 10), "val/dog/1.jpg"]);
        Assert.Equal(1, Assert.Single(DataSet.Load(_folder.Path).Test).Label);
    }

    [Theory]
    [InlineData("val")]
    [InlineData("test")]
    public void A_class_without_training_images_is_refused(string part)
    {
        AddFiles([.. ListFiles("train", 10), .. ListFiles(part, 2), $"{part}/horse/1.jpg", $"{part}/mouse/1.jpg"]);
        AssertRefused(_folder[part], "got others as well: horse, mouse");
    }

    [Fact]
    public void A_single_class_is_refused()
    {
        AddFiles("cat/1.jpg", "cat/2.jpg", ".hidden/1.jpg");
        AssertRefused(_folder.Path, "two or more classes, got 1");
    }

    [Fact]
    public void Training_images_of_a_single_class_are_refused()
    {
        AddFiles("train/cat/1.jpg", "val/cat/1.jpg");
        AssertRefused(_folder["train"], "two or more classes, got 1");
    }

    [Fact]
    public void An_empty_folder_is_refused() => AssertRefused(_folder.Path, "expected a folder of images for each class, or files in MNIST's or CIFAR's format");

    [Fact]
    public void A_folder_of_files_only_is_refused()
    {
        AddFiles("1.jpg", "2.jpg");
        AssertRefused(_folder.Path, "expected a folder of images for each class");
    }

    [Fact]
    public void A_missing_folder_is_refused()
    {
        var problem = Assert.Throws<UserException>(() => DataSet.Load(_folder["nothing"]));
        Assert.Contains($"--data: expected a folder, got '{_folder["nothing"]}'", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_beside_the_parts_are_not_classes()
    {
        AddFiles([.. ListFiles("train", 20), .. ListFiles("test", 3), "unlabeled/1.jpg", "more/train/cat/1.jpg", "scripts/a.py", "__MACOSX/train/cat/1.jpg"]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(6, data.Test.Count);
        Assert.Equal([$"{_folder.Path}: left out beside train: more, unlabeled"], data.Remarks);
    }

    [Fact]
    public void A_train_folder_with_classes_is_a_part_beside_another_folder()
    {
        AddFiles([.. ListFiles("train", 20), "unlabeled/1.jpg"]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(4, data.Test.Count);
        Assert.Equal([$"{_folder.Path}: left out beside train: unlabeled"], data.Remarks);
    }

    /// <summary>Names as in Intel's image dataset, Keras's flowers, COCO and others.</summary>
    [Theory]
    [InlineData("seg_train/seg_train", "seg_test/seg_test", "seg_pred/seg_pred/1.jpg")]
    [InlineData("seg_train", "seg_test", "seg_pred/1.jpg")]
    [InlineData("training_set", "test_set", null)]
    [InlineData("training_set/training_set", "test_set/test_set", null)]
    [InlineData("Train", "TEST", null)]
    [InlineData("TrainSet", "TestSet", null)]
    [InlineData("trainset", "testset", null)]
    [InlineData("train2017", "val2017", "annotations/1.json")]
    [InlineData("Train Images", "Validation Images", null)]
    [InlineData("flowers-train", "flowers-valid", "flowers-other/1.jpg")]
    public void Parts_are_recognized_under_many_names(string train, string test, string? other)
    {
        AddFiles([.. ListFiles(train, 20), .. ListFiles(test, 3), .. other is null ? [] : (string[])[other]]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(ListFiles(test, 3).Order(StringComparer.Ordinal), GetNames(data.Test));
        Assert.Equal(40, data.Training.Count + data.Validation.Count);
        Assert.Equal(other?.EndsWith("jpg", StringComparison.Ordinal) == true ? 1 : 0, data.Remarks.Count);
    }

    [Theory]
    [InlineData("train_station", "airport", "harbor")]
    [InlineData("bullet_train", "test_tube", "bus")]
    [InlineData("invalid", "valid", "void")]
    [InlineData("cat", "dog", "train")]
    [InlineData("contest", "latest", "strain")]
    public void Class_names_may_contain_the_names_of_parts(params string[] classes)
    {
        AddFiles([.. classes.Select(name => $"{name}/1.jpg")]);
        Assert.Equal(classes.Order(StringComparer.Ordinal), DataSet.Load(_folder.Path).Classes);
    }

    [Theory]
    [InlineData("holds folders like a part, beside bus, car", "bus/1.jpg", "car/1.jpg", "train/steam/1.jpg", "train/diesel/1.jpg")]
    [InlineData("holds folders like a part, beside bus", "bus/1.jpg", "train/1.jpg", "train/steam/1.jpg", "train/diesel/1.jpg")]
    [InlineData("holds folders like a part, beside seg_pred", "seg_pred/1.jpg", "seg_train/cat/1.jpg", "seg_train/dog/1.jpg")]
    [InlineData("one folder for each part of a dataset, got train and training", "train/cat/1.jpg", "train/dog/1.jpg", "training/cat/1.jpg")]
    [InlineData("one folder for each part of a dataset, got val and valid", "train/cat/1.jpg", "train/dog/1.jpg", "val/cat/1.jpg", "valid/cat/1.jpg")]
    [InlineData("expected a folder train beside test, got none beside cat, dog; a class needs another name", "cat/1.jpg", "dog/1.jpg", "test/1.jpg")]
    [InlineData("expected a folder train beside val, got none beside cat, dog; a class needs another name", "cat/1.jpg", "dog/1.jpg", "val/1.jpg")]
    [InlineData("expected a folder train beside test, got none", "test/cat/1.jpg", "test/dog/1.jpg")]
    [InlineData("expected a folder train beside test and val, got none", "test/cat/1.jpg", "test/dog/1.jpg", "val/cat/1.jpg", "val/dog/1.jpg")]
    [InlineData("two or more classes, got 1, set; if it holds the classes, name", "set/train/cat/1.jpg", "set/train/dog/1.jpg", "set/test/cat/1.jpg")]
    [InlineData("two or more classes, got 1, set; if it holds the classes, name", "set/cat/1.jpg", "set/dog/1.jpg")]
    [InlineData("expected training images of every class, got none of 'horse'; remove the folder, or put images into it", "cat/1.jpg", "dog/1.jpg", "horse/")]
    [InlineData("expected training images of every class, got none of 'horse', 'mouse'; remove the folders, or put images into them", "cat/1.jpg", "dog/1.jpg", "horse/", "mouse/Thumbs.db")]
    public void Ambiguous_and_incomplete_layouts_are_refused(string message, params string[] names)
    {
        AddFiles(names);
        AssertRefused(_folder.Path, message);
    }

    [Theory]
    [InlineData("train/1.jpg", "test/1.jpg")]
    [InlineData("train/1.jpg", "test1/1.jpg")]
    [InlineData("train/1.jpg", "test/1.jpg", "unlabeled/1.jpg")]
    public void Parts_without_classes_are_refused(params string[] names)
    {
        AddFiles(names);
        AssertRefused(_folder["train"], "two or more classes, got 0");
    }

    [Fact]
    public void A_folder_of_a_single_class_is_refused()
    {
        AddFiles("cat/1.jpg", "dog/1.jpg");
        foreach (Action load in new Action[] { () => DataSet.Load(_folder["cat"]), () => DataSet.LoadAll(_folder["cat"], forTest: true, ["cat", "dog"]) })
            Assert.StartsWith($"{_folder["cat"]}: expected a folder of images for each class, got the images of one class; name the folder above it", Assert.Throws<UserException>(load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Class_names_are_case_sensitive()
    {
        AddFiles([.. ListFiles("train", 10), "val/Cat/1.jpg", "val/dog/1.jpg"]);
        AssertRefused(_folder["val"], "got others as well: Cat; upper and lower case differ");
    }

    [Theory]
    [InlineData("a tenth of the training images of each class", "a tenth of the training images of each class", 4, 4, "test/1.jpg", "test/2.jpg")]
    [InlineData("a tenth of the training images of each class", "a tenth of the training images of each class", 4, 4, "test/test/1.jpg")]
    [InlineData("a tenth of the training images of each class", "a tenth of the training images of each class", 4, 4, "test/cat/", "test/dog/")]
    [InlineData("val", "a tenth of the training images of each class", 1, 4, "test/1.jpg", "val/cat/1.jpg")]
    [InlineData("test", "a tenth of the training images of each class", 1, 4, "val/1.jpg", "test/cat/1.jpg")]
    public void A_part_without_classes_is_reported_with_its_replacement(string test, string validation, int tested, int validated, params string[] others)
    {
        AddFiles([.. ListFiles("train", 20), .. others]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal((tested, validated), (data.Test.Count, data.Validation.Count));
        var remark = Assert.Single(data.Remarks);
        Assert.StartsWith(Path.GetDirectoryName(_folder[others[0]])!.Replace($"{Path.DirectorySeparatorChar}cat", "", StringComparison.Ordinal), remark, StringComparison.Ordinal);
        Assert.Contains("left out: expected a folder of images for each class, found none", remark, StringComparison.Ordinal);
        Assert.EndsWith($"The test uses {GetPath(test)}, the validation {GetPath(validation)}.", remark, StringComparison.Ordinal);

        string GetPath(string name) => name.Contains(' ', StringComparison.Ordinal) ? name : _folder[name];
    }

    [Fact]
    public void Images_beside_the_class_folders_are_counted()
    {
        AddFiles([.. ListFiles("train", 10), .. ListFiles("test", 2), "train/1.jpg", "train/2.jpg", "train/labels.csv", "test/1.jpg"]);
        Assert.Equal([$"{_folder["train"]}: left out 2 images beside the class folders", $"{_folder["test"]}: left out 1 image beside the class folders"], DataSet.Load(_folder.Path).Remarks);
    }

    [Fact]
    public void System_files_and_folders_are_ignored()
    {
        AddFiles("cat/1.jpg", "cat/Thumbs.db", "cat/desktop.ini", "cat/@eaDir/1.jpg", "dog/1.jpg", "dog/._1.jpg", "@eaDir/1.jpg", "$RECYCLE.BIN/1.jpg", "__MACOSX/cat/1.jpg");

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(["cat/1.jpg", "dog/1.jpg"], GetNames(data.All));
        Assert.Empty(data.Remarks);
    }

    [UnixFact]
    public void A_link_to_a_parent_folder_is_reported_and_not_followed()
    {
        AddFiles("cat/1.jpg", "dog/1.jpg");
        CreateLink("cat/up", "..");
        CreateLink("cat/self", ".");
        CreateLink("dog/top", "/");

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat/1.jpg", "dog/1.jpg"], GetNames(data.All));
        Assert.Equal([$"{_folder["cat/up"]}: not followed, because it links to a folder that contains it", $"{_folder["dog/top"]}: not followed, because it links to a folder that contains it"], data.Remarks);
    }

    [UnixFact]
    public void A_class_and_its_images_may_be_links()
    {
        using var store = new TempFolder();
        Directory.CreateDirectory(store["horse/deep"]);
        store.Write("horse/deep/1.jpg", []);
        store.Write("2.jpg", []);
        AddFiles("cat/1.jpg", "dog/1.jpg");
        CreateLink("horse", store["horse"]);
        CreateLink("dog/2.jpg", store["2.jpg"]);

        var data = DataSet.Load(_folder.Path);

        Assert.Equal(["cat", "dog", "horse"], data.Classes);
        Assert.Equal(["cat/1.jpg", "dog/1.jpg", "dog/2.jpg", "horse/deep/1.jpg"], GetNames(data.All));
    }

    [UnixFact]
    public void A_file_counts_once_in_its_class_however_many_links_lead_to_it()
    {
        AddFiles("cat/1.jpg", "cat/a/2.jpg", "dog/1.jpg");
        CreateLink("cat/3.jpg", "1.jpg");
        CreateLink("cat/4.jpg", _folder["cat/3.jpg"]);
        CreateLink("cat/b", "a");
        CreateLink("cat/5.jpg", "b/2.jpg");

        Assert.Equal(["cat/1.jpg", "cat/5.jpg", "dog/1.jpg"], GetNames(DataSet.Load(_folder.Path).All));
    }

    [UnixFact]
    public void A_file_in_two_classes_is_refused()
    {
        AddFiles("cat/1.jpg", "dog/1.jpg");
        CreateLink("cat/2.jpg", "../dog/1.jpg");
        AssertRefused(_folder["dog/1.jpg"], $"expected each image in one class and one part of the dataset, got the same file as {_folder["cat/2.jpg"]}");

        File.Delete(_folder["cat/2.jpg"]);
        CreateLink("cat/more", "../dog");
        AssertRefused(_folder["dog/1.jpg"], $"got the same file as {_folder["cat/more/1.jpg"]}");
    }

    [UnixFact]
    public void Training_and_test_may_not_share_a_file_but_validation_and_test_may()
    {
        AddFiles([.. ListFiles("train", 10), .. ListFiles("val", 1)]);
        CreateLink("test", "val");
        Assert.Equal(2, DataSet.Load(_folder.Path).Test.Count);

        Directory.Delete(_folder["test"]);
        CreateLink("test", "train");
        AssertRefused(_folder["test/cat/0.jpg"], $"got the same file as {_folder["train/cat/0.jpg"]}");
    }

    [UnixFact]
    public async Task Pipes_and_broken_links_are_left_to_the_dataset_scan()
    {
        AddFiles("cat/1.jpg", "dog/1.jpg");
        Process.Start("mkfifo", [_folder["cat/pipe"], _folder["pipe"]]).WaitForExit();
        CreateLink("cat/nowhere", "nothing");
        CreateLink("cat/circle", "circle");

        var data = await Task.Run(() => DataSet.Load(_folder.Path)).WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(["cat/1.jpg", "cat/circle", "cat/nowhere", "cat/pipe", "dog/1.jpg"], GetNames(data.All));
    }

    [Fact]
    public void The_line_of_class_names_has_a_limited_length()
    {
        var few = new DataSet(["cat", "dog"], false, [], [], [], Recipe.Photographs);
        Assert.Equal("2 classes: cat, dog", few.ClassesInWords);
        var many = few with { Classes = [.. Enumerable.Range(100, 900).Select(i => $"class {i}")] };
        Assert.StartsWith("900 classes: class 100, class 101, ", many.ClassesInWords, StringComparison.Ordinal);
        Assert.EndsWith(", …", many.ClassesInWords, StringComparison.Ordinal);
        Assert.InRange(many.ClassesInWords.Length, 80, 125);
    }

    private static IEnumerable<string> ListFiles(string part, int count) =>
        Enumerable.Range(0, count).SelectMany(i => new[] { $"{part}/cat/{i}.jpg", $"{part}/dog/{i}.jpg" });

    private void AddFiles(params string[] names)
    {
        foreach (var name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
            if (!name.EndsWith('/'))
                _folder.Write(name, Path.GetExtension(name) == ".jpg" ? [0xff, 0xd8, 0xff] : "no image"u8.ToArray()); // an image is recognized by its first bytes
        }
    }

    private void CreateLink(string name, string target) => File.CreateSymbolicLink(_folder[name], target);

    private void AssertRefused(string path, string message)
    {
        var problem = Assert.Throws<UserException>(() => DataSet.Load(_folder.Path));
        Assert.StartsWith(path + ":", problem.Message, StringComparison.Ordinal);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    private IEnumerable<string> GetNames(IEnumerable<Image> images) => images.Select(GetName).Order(StringComparer.Ordinal);

    private string GetName(Image image) => Path.GetRelativePath(_folder.Path, image.Name).Replace('\\', '/');
}
