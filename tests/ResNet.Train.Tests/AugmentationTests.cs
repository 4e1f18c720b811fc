namespace ResNet.Train.Tests;

public sealed class AugmentationTests
{
    [Theory]
    [InlineData(28, 28, 32.0 / 28, -2, -2, 32)]
    [InlineData(32, 32, 1, 0, 0, 32)]
    [InlineData(400, 300, 0.875, 69, 19, 262)] // 262.5, rounded to even
    [InlineData(300, 400, 0.875, 19, 69, 262)]
    [InlineData(100, 33, 1, 33.5, 0, 33)]
    [InlineData(1, 1, 0.1, 0, 0, 1)]
    public void The_center_crop_is_a_square_sized_by_the_shorter_side(int width, int height, double cropRatio, double left, double top, double side) =>
        Assert.Equal(new Crop(left, top, side, side), Crop.CreateCenter(width, height, cropRatio));

    [Fact]
    public void Translation_reaches_every_offset_within_its_limit_and_no_other()
    {
        var recipe = Recipe.FashionMnist with { Translation = 2, Flip = 0.5 };

        var crops = CreateCrops(28, 28, recipe, 4000);

        var places =
            from left in Enumerable.Range(-4, 5)
            from top in Enumerable.Range(-4, 5)
            from flips in Enumerable.Range(0, 2)
            select new Crop(left, top, 32, 32, flips == 1);
        Assert.Equal(places.ToHashSet(), crops.ToHashSet());
        // 80 of each are expected, with a standard deviation of 9
        Assert.All(crops.GroupBy(crop => crop), place => Assert.InRange(place.Count(), 35, 125));
    }

    [Fact]
    public void Without_translation_resizing_and_flips_every_crop_is_the_center_crop() =>
        Assert.All(CreateCrops(50, 40, Recipe.Digits with { Translation = 0 }, 20), crop => Assert.Equal(Crop.CreateCenter(50, 40, Recipe.Digits.CropRatio), crop));

    [Theory]
    [InlineData(400, 300, 0.35)]
    [InlineData(300, 400, 0.08)]
    [InlineData(64, 64, 0.35)]
    [InlineData(7, 5, 0.35)]
    [InlineData(1, 1, 0.35)]
    public void Random_crops_lie_inside_the_image_large_enough_and_nearly_square(int width, int height, double minCropArea)
    {
        var recipe = Recipe.Photographs with { MinCropArea = minCropArea };

        Assert.All(CreateCrops(width, height, recipe, 2000).Except([Crop.CreateCenter(width, height, recipe.CropRatio), Crop.CreateCenter(width, height, recipe.CropRatio) with { Flipped = true }]), crop =>
        {
            Assert.InRange(crop.Left, 0, width - crop.Width);
            Assert.InRange(crop.Top, 0, height - crop.Height);
            Assert.Equal(Math.Round(crop.Left), crop.Left);
            Assert.Equal(Math.Round(crop.Top), crop.Top);
            // The sides are rounded, by a half at most.
            Assert.True((crop.Width + 0.5) * (crop.Height + 0.5) >= minCropArea * width * height, $"{crop} is too small");
            Assert.True((crop.Width + 0.5) / (crop.Height - 0.5) >= 3.0 / 4, $"{crop} is too high");
            Assert.True((crop.Width - 0.5) / (crop.Height + 0.5) <= 4.0 / 3, $"{crop} is too wide");
        });
    }

    [Fact]
    public void Random_crops_cover_all_sizes_aspect_ratios_and_positions()
    {
        var crops = CreateCrops(200, 200, Recipe.Photographs, 2000);

        var areas = crops.Select(crop => crop.Width * crop.Height / (200 * 200)).ToArray();
        Assert.InRange(areas.Min(), 0.34, 0.37);
        Assert.InRange(areas.Max(), 0.95, 1);
        Assert.InRange(crops.Min(crop => crop.Width / crop.Height), 0.73, 0.78);
        Assert.InRange(crops.Max(crop => crop.Width / crop.Height), 1.28, 1.36);
        Assert.Contains(crops, crop => crop.Left == 0);
        Assert.Contains(crops, crop => crop.Top == 0);
        Assert.Contains(crops, crop => crop.Left + crop.Width == 200);
        Assert.Contains(crops, crop => crop.Top + crop.Height == 200);
    }

    [Theory]
    [InlineData(1000, 10)]
    [InlineData(10, 1000)]
    public void A_very_wide_or_high_image_gets_the_center_crop(int width, int height) =>
        Assert.All(
            CreateCrops(width, height, Recipe.Photographs, 50),
            crop => Assert.Equal(Crop.CreateCenter(width, height, Recipe.Photographs.CropRatio), crop with { Flipped = false }));

    [Theory]
    [InlineData(1)]
    [InlineData(0.35)]
    public void Images_are_flipped_as_often_as_the_recipe_says(double minCropArea)
    {
        var recipe = Recipe.FashionMnist with { MinCropArea = minCropArea };

        Assert.DoesNotContain(CreateCrops(28, 28, recipe with { Flip = 0 }, 500), crop => crop.Flipped);
        Assert.DoesNotContain(CreateCrops(28, 28, recipe with { Flip = 1 }, 500), crop => !crop.Flipped);
        Assert.InRange(CreateCrops(28, 28, recipe with { Flip = 0.25 }, 4000).Count(crop => crop.Flipped), 850, 1150);
    }

    [Fact]
    public void A_flipped_crop_is_drawn_from_right_to_left()
    {
        byte[] pixels = [.. Enumerable.Range(1, 16).Select(i => (byte)(10 * i))];
        using var image = new MemoryImage(pixels, 4, 0, "").Decode(4);
        using var canvas = new Canvas(4, grayscale: true);
        var drawn = new byte[16];

        canvas.Draw(image, new Crop(-1, 0, 4, 4));
        canvas.Read(0, drawn);
        Assert.Equal([0, 10, 20, 30, 0, 50, 60, 70, 0, 90, 100, 110, 0, 130, 140, 150], drawn);

        canvas.Draw(image, new Crop(-1, 0, 4, 4, Flipped: true));
        canvas.Read(0, drawn);
        Assert.Equal([30, 20, 10, 0, 70, 60, 50, 0, 110, 100, 90, 0, 150, 140, 130, 0], drawn);
    }

    [Fact]
    public void Nothing_is_erased_without_random_erasing() =>
        Assert.All(CreateErasedImages(Recipe.FashionMnist with { RandomErase = 0 }, 3, 32, 100), image => Assert.DoesNotContain(0, image));

    [Fact]
    public void Images_are_erased_as_often_as_the_recipe_says() =>
        Assert.InRange(CreateErasedImages(Recipe.FashionMnist with { RandomErase = 0.25 }, 1, 32, 2000).Count(image => image.Contains(0)), 400, 600);

    [Theory]
    [InlineData(1, 32)]
    [InlineData(3, 32)]
    [InlineData(3, 64)]
    [InlineData(3, 3)]
    public void The_same_rectangle_is_erased_in_every_channel(int channels, int size)
    {
        var area = size * size;
        foreach (var image in CreateErasedImages(Recipe.FashionMnist with { RandomErase = 1 }, channels, size, 500))
        {
            var erased = Enumerable.Range(0, area).Where(i => image[i] == 0).ToArray();
            Assert.NotEmpty(erased);
            var (top, bottom) = (erased.Min(i => i / size), erased.Max(i => i / size));
            var (left, right) = (erased.Min(i => i % size), erased.Max(i => i % size));
            var (height, width) = (bottom - top + 1, right - left + 1);

            var expected = Enumerable.Range(0, channels * area)
                .Select(i => i % area / size >= top && i % area / size <= bottom && i % size >= left && i % size <= right ? 0f : 1 + i);
            Assert.True(expected.SequenceEqual(image)); // Assert.Equal would take seconds for so many values
            // The sides are rounded, by a half at most, and no longer than the image's.
            Assert.True((height + 0.5) * (width + 0.5) >= 0.02 * area, $"{height}x{width} is too small");
            Assert.True((height - 0.5) * (width - 0.5) <= area / 3.0, $"{height}x{width} is too large");
        }
    }

    [Fact]
    public void Erased_rectangles_cover_all_sizes_and_positions()
    {
        var erased = CreateErasedImages(Recipe.FashionMnist with { RandomErase = 1 }, 1, 32, 2000);

        var areas = erased.Select(image => image.Count(value => value == 0) / 1024.0).ToArray();
        Assert.InRange(areas.Min(), 0.01, 0.03);
        Assert.InRange(areas.Max(), 0.31, 0.36);
        foreach (var corner in new[] { 0, 31, 31 * 32, 1023 })
            Assert.Contains(erased, image => image[corner] == 0);
    }

    [Fact]
    public void The_same_seed_repeats_the_augmentation_and_another_seed_changes_it()
    {
        var recipe = Recipe.Photographs with { RandomErase = 0.5 };

        Assert.Equal(EraseWithSeed(1), EraseWithSeed(1));
        Assert.NotEqual(EraseWithSeed(1), EraseWithSeed(2));
        Assert.Equal(CreateCrops(100, 80, recipe, 20, seed: 1), CreateCrops(100, 80, recipe, 20, seed: 1));
        Assert.NotEqual(CreateCrops(100, 80, recipe, 20, seed: 1), CreateCrops(100, 80, recipe, 20, seed: 2));

        List<float> EraseWithSeed(int seed) => [.. CreateErasedImages(recipe, 3, 8, 20, seed).SelectMany(image => image)];
    }

    private static Crop[] CreateCrops(int width, int height, Recipe recipe, int count, int seed = 0)
    {
        var augmentation = new Augmentation(recipe, seed);
        return [.. Enumerable.Range(0, count).Select(_ => augmentation.CreateCrop(width, height))];
    }

    /// <summary>Erases rectangles of images whose values are 1, 2, 3 and so on.</summary>
    private static float[][] CreateErasedImages(Recipe recipe, int channels, int size, int count, int seed = 0)
    {
        var augmentation = new Augmentation(recipe, seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var image = Enumerable.Range(1, channels * size * size).Select(i => (float)i).ToArray();
            augmentation.Erase(image, channels, size);
            return image;
        })];
    }
}
