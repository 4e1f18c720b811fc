using System.Buffers.Binary;
using System.Text;

namespace ResNet.Degradation.Tests;

public sealed class ReportTests
{
    [Fact]
    public void The_table_has_the_last_epoch_of_each_network_and_the_papers_numbers_where_it_gives_them()
    {
        Epoch[] epochs = [.. Variant.All.SelectMany(variant => new[] { Of(variant, 1, 1, 50, 60), Of(variant, 1, 2, 10, 20) })];

        Assert.Equal(
            [
                "network      seeds  training error %  test error %  the paper's test error % on CIFAR-10",
                "plain-20         1             10.00         20.00                                     -",
                "plain-56         1             10.00         20.00                                     -",
                "residual-20      1             10.00         20.00                                  8.75",
                "residual-56      1             10.00         20.00                                  6.97",
            ],
            Table.Format(epochs, last: 2));
    }

    [Fact]
    public void Several_seeds_have_a_mean_and_a_deviation_and_what_did_not_end_is_left_out()
    {
        var (plain, residual) = (Variant.All[0], Variant.All[2]);
        Epoch[] epochs = [Of(plain, 1, 1, 10, 20), Of(plain, 2, 1, 12, 20), Of(plain, 3, 1, 14, 20), Of(residual, 1, 3, 0, 0)];

        var rows = Table.Format(epochs, last: 1).ToArray();

        Assert.Equal(2, rows.Length);
        Assert.Contains("12.00 ± 2.00", rows[1], StringComparison.Ordinal);
        Assert.Contains("20.00 ± 0.00", rows[1], StringComparison.Ordinal);
        Assert.Empty(Table.Format(epochs, last: 9));
    }

    [Fact]
    public void What_depth_changes_is_told_for_plain_and_residual()
    {
        var (shallow, deep) = (Variant.All[2], Variant.All[3]);
        Epoch[] residual = [Of(shallow, 1, 1, 10, 20), Of(deep, 1, 1, 8.5, 19), Of(shallow, 2, 1, 12, 22), Of(deep, 2, 1, 9.5, 21)];
        Epoch[] plain = [Of(Variant.All[0], 1, 1, 10, 20), Of(Variant.All[1], 1, 1, 11.25, 24)];

        Assert.Equal("56 layers against 20, training error: plain +1.25 points, residual -2.00 points", Table.FormatGaps([.. plain, .. residual], last: 1));
        Assert.Null(Table.FormatGaps(residual, last: 1));
    }

    [Fact]
    public void Every_epoch_is_a_line_of_the_csv()
    {
        var lines = Encoding.UTF8.GetString(ErrorsCsv.Format([Of(Variant.All[3], 2, 5, 12.5, 15.25)])).Split('\n');

        Assert.Equal("seed,network,layers,epoch,learning_rate,training_loss,training_error_percent,test_error_percent,images_per_second", lines[0]);
        Assert.Equal("2,residual-56,56,5,0.01,0.500000,12.5000,15.2500,100.0", lines[1]);
        Assert.Equal(["", ""], [lines[2], .. lines[3..].Append("")]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    public void The_figure_is_a_picture_from_the_first_epoch_on(int epochs)
    {
        var picture = Figure.Draw([.. Enumerable.Range(1, epochs).Select(i => Of(Variant.All[0], 1, i, 50.0 / i, 60.0 / i))]);

        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], picture[..4]);
        Assert.Equal((1200, 500), (BinaryPrimitives.ReadInt32BigEndian(picture.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(picture.AsSpan(20))));
        Assert.InRange(picture.Length, 5_000, 1_000_000);
    }

    [Fact]
    public void Both_panels_reach_above_the_worst_of_the_later_epochs()
    {
        var (plain, residual) = (Variant.All[1], Variant.All[3]);
        Epoch[] epochs = [Of(plain, 1, 1, 90, 90), Of(plain, 1, 9, 33, 30), Of(residual, 1, 1, 80, 80), Of(residual, 1, 9, 1, 2)];

        Assert.Equal(40, Figure.FindTop(epochs));
        Assert.Equal(10, Figure.FindTop([Of(plain, 1, 1, 0, 0)]));
    }

    private static Epoch Of(Variant variant, int seed, int number, double training, double test) =>
        new(variant, seed, number, LearningRate: 0.01, TrainingLoss: 0.5, training, test, ImagesPerSecond: 100);
}
