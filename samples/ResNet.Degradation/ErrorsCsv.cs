using System.Text;

namespace ResNet.Degradation;

/// <summary>A table with one line per epoch, for spreadsheets and plotting programs.</summary>
internal static class ErrorsCsv
{
    public static byte[] Format(IEnumerable<Epoch> epochs)
    {
        var text = new StringBuilder("seed,network,layers,epoch,learning_rate,training_loss,training_error_percent,test_error_percent,images_per_second\n");
        foreach (var epoch in epochs)
            text.Append($"{epoch.Seed},{epoch.Variant.Name},{epoch.Variant.Layers},{epoch.Number},{epoch.LearningRate:g6},")
                .Append($"{Digits.FormatLoss(epoch.TrainingLoss, 6)},{epoch.TrainingError:0.0000},{epoch.TestError:0.0000},{epoch.ImagesPerSecond:0.0}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
