using System.Buffers.Binary;
using System.Text;

namespace ResNet.Degradation.Tests;

public sealed class ReportTests
{
    [Fact]
    public void The_table_shows_each_networks_last_epoch_and_the_papers_numbers()
    {
        Epoch[] epochs = [.. Variant.All.SelectMany(variant => new[] { CreateEpoch(variant, 1, 1, 50, 60), CreateEpoch(variant, 1, 2, 10, 20) })];

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
    public void Several_seeds_get_a_mean_and_a_deviation_and_unfinished_trainings_are_left_out()
    {
        var (plain, residual) = (Variant.All[0], Variant.All[2]);
        Epoch[] epochs = [CreateEpoch(plain, 1, 1, 10, 20), CreateEpoch(plain, 2, 1, 12, 20), CreateEpoch(plain, 3, 1, 14, 20), CreateEpoch(residual, 1, 3, 0, 0)];

        var rows = Table.Format(epochs, last: 1).ToArray();

        Assert.Equal(2, rows.Length);
        Assert.Contains("12.00 ± 2.00", rows[1], StringComparison.Ordinal);
        Assert.Contains("20.00 ± 0.00", rows[1], StringComparison.Ordinal);
        Assert.Empty(Table.Format(epochs, last: 9));
    }

    [Fact]
    public void The_gaps_compare_deep_and_shallow_networks_of_each_kind()
    {
        var (shallow, deep) = (Variant.All[2], Variant.All[3]);
        Epoch[] residual = [CreateEpoch(shallow, 1, 1, 10, 20), CreateEpoch(deep, 1, 1, 8.5, 19), CreateEpoch(shallow, 2, 1, 12, 22), CreateEpoch(deep, 2, 1, 9.5, 21)];
        Epoch[] plain = [CreateEpoch(Variant.All[0], 1, 1, 10, 20), CreateEpoch(Variant.All[1], 1, 1, 11.25, 24)];

        Assert.Equal("56 layers against 20, training error: plain +1.25 points, residual -2.00 points", Table.FormatGaps([.. plain, .. residual], last: 1));
        Assert.Null(Table.FormatGaps(residual, last: 1));
    }

    [Fact]
    public void Every_epoch_is_a_line_of_the_CSV()
    {
        var lines = Encoding.UTF8.GetString(ErrorsCsv.Format([CreateEpoch(Variant.All[3], 2, 5, 12.5, 15.25)])).Split('\n');

        Assert.Equal("seed,network,layers,epoch,learning_rate,training_loss,training_error_percent,test_error_percent,images_per_second", lines[0]);
        Assert.Equal("2,residual-56,56,5,0.01,0.500000,12.5000,15.2500,100.0", lines[1]);
        Assert.Equal(["", ""], [lines[2], .. lines[3..].Append("")]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    public void The_figure_is_a_PNG_from_the_first_epoch_on(int epochs)
    {
        var png = Figure.Draw([.. Enumerable.Range(1, epochs).Select(i => CreateEpoch(Variant.All[0], 1, i, 50.0 / i, 60.0 / i))]);

        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
        Assert.Equal((1200, 500), (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20))));
        Assert.InRange(png.Length, 5_000, 1_000_000);
    }

    [Fact]
    public void Both_panels_reach_above_the_worst_late_epoch()
    {
        var (plain, residual) = (Variant.All[1], Variant.All[3]);
        Epoch[] epochs = [CreateEpoch(plain, 1, 1, 90, 90), CreateEpoch(plain, 1, 9, 33, 30), CreateEpoch(residual, 1, 1, 80, 80), CreateEpoch(residual, 1, 9, 1, 2)];

        Assert.Equal(40, Figure.FindTop(epochs));
        Assert.Equal(10, Figure.FindTop([CreateEpoch(plain, 1, 1, 0, 0)]));
    }

    private static Epoch CreateEpoch(Variant variant, int seed, int number, double training, double test) =>
        new(variant, seed, number, LearningRate: 0.01, TrainingLoss: 0.5, training, test, ImagesPerSecond: 100);
}
