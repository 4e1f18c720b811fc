namespace ResNet.Train.Tests;

public sealed class IdxFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Labels_are_read_unchanged(bool gzipped)
    {
        var content = Idx.CreateLabels(3, 1, 4, 1, 5);

        var file = IdxFile.Read(_folder.Write("labels", gzipped ? Idx.Compress(content) : content));

        Assert.Equal(5, file.Count);
        Assert.Equal([3, 1, 4, 1, 5], file.Data);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Images_are_read_unchanged_beyond_the_first_megabyte(bool gzipped)
    {
        var content = Idx.CreateImages(3000);

        var file = IdxFile.Read(_folder.Write("images", gzipped ? Idx.Compress(content) : content), 28, 28);

        Assert.Equal(3000, file.Count);
        Assert.Equal(content[16..], file.Data);
    }

    [Fact]
    public void A_missing_file_is_refused() => AssertRefused(_folder["nothing"], "cannot be read");

    [Fact]
    public void A_folder_is_refused() => AssertRefused(_folder.Path, "expected a file, got a folder");

    [Fact]
    public void An_empty_file_is_refused() => AssertRefused([], "expected a file with something in it, got one that is empty");

    [Fact]
    public void A_truncated_header_is_refused() => AssertRefused([0, 0, 8, 1, 0, 0], "header of 8 bytes, got a file of 6");

    [Fact]
    public void A_file_of_another_format_is_refused() => AssertRefused("PK\u0003\u0004 and so on"u8.ToArray(), "starts with 00000801, got one that starts with 504B0304");

    [Fact]
    public void Images_in_place_of_labels_are_refused() => AssertRefused(Idx.CreateImages(2), "starts with 00000801, got one that starts with 00000803");

    [Fact]
    public void Elements_of_another_type_are_refused() => AssertRefused([0, 0, 0x0d, 1, 0, 0, 0, 1, 0, 0, 0, 0], "got one that starts with 00000D01");

    [Fact]
    public void Images_of_another_size_are_refused() => AssertRefused(Idx.CreateImages(2, side: 32), "expected items of 28x28, got 32x32", 28, 28);

    [Fact]
    public void A_file_without_items_is_refused() => AssertRefused(Idx.CreateLabels(), "expected 1 to 1000000 items, got 0");

    [Theory]
    [InlineData(-1, "got 4294967295")] // 0xFFFFFFFF
    [InlineData(int.MaxValue, "got 2147483647")]
    [InlineData(IdxFile.MostItems + 1, "got 1000001")]
    public void An_enormous_count_is_refused(int count, string got) => AssertRefused([.. Idx.CreateHeader(0x801, count), 1, 2], got);

    [Fact]
    public void An_enormous_image_is_refused() => AssertRefused([.. Idx.CreateHeader(0x803, 1, -1, -1), 1], "got 4294967295x4294967295", 28, 28);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_count_beyond_the_data_is_refused_without_allocating_memory_for_it(bool gzipped)
    {
        byte[] content = [.. Idx.CreateHeader(0x803, IdxFile.MostItems, 28, 28), .. new byte[1000]];
        var path = _folder.Write("images", gzipped ? Idx.Compress(content) : content);
        var before = GC.GetAllocatedBytesForCurrentThread();

        AssertRefused(path, "784000000 bytes in all, got 1000", 28, 28);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4_000_000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void More_data_than_the_header_says_is_refused(bool gzipped)
    {
        byte[] content = [.. Idx.CreateLabels(1, 2, 3), 4];
        AssertRefused(gzipped ? Idx.Compress(content) : content, "3 bytes in all, got more");
    }

    [Fact]
    public void A_gzip_file_that_ends_before_its_last_item_is_refused()
    {
        var whole = Idx.Compress(Idx.CreateLabels([.. Enumerable.Range(0, 200).Select(i => (byte)(i * i % 10))]));
        var items = IdxFile.Read(_folder.Write("whole", whole)).Data;
        for (var length = 0; length < whole.Length - 12; length++)
            AssertRefused(whole[..length], "expected");

        // .NET does not notice that the last eight bytes, the checksum and the length, are missing.
        Assert.Equal(items, IdxFile.Read(_folder.Write("file", whole[..^8])).Data);
    }

    [Fact]
    public void A_gzip_file_with_a_wrong_checksum_is_refused()
    {
        var damaged = Idx.Compress(Idx.CreateLabels(1, 2, 3));
        damaged[^8] ^= 1; // The checksum is the first four of the last eight bytes.
        AssertRefused(damaged, "expected a gzip file, but it is damaged");
    }

    [Fact]
    public void A_damaged_byte_of_a_gzip_file_gives_the_same_items_or_a_message()
    {
        var whole = Idx.Compress(Idx.CreateLabels([.. Enumerable.Range(0, 100).Select(i => (byte)(i * i % 10))]));
        var items = IdxFile.Read(_folder.Write("whole", whole)).Data;
        for (var i = 0; i < whole.Length; i++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[i] ^= 0x55;
            try
            {
                Assert.Equal(items, IdxFile.Read(_folder.Write("damaged", damaged)).Data); // the byte may be part of the date in the header
            }
            catch (UserException problem)
            {
                Assert.DoesNotContain('\n', problem.Message);
            }
        }
    }

    private void AssertRefused(byte[] content, string message, params int[] itemShape) => AssertRefused(_folder.Write("file", content), message, itemShape);

    private static void AssertRefused(string path, string message, params int[] itemShape)
    {
        var problem = Assert.Throws<UserException>(() => IdxFile.Read(path, itemShape));
        Assert.StartsWith(path, problem.Message, StringComparison.Ordinal);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }
}
