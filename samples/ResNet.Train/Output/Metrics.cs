using System.Text;

namespace ResNet.Train;

/// <summary>Formats the epochs' metrics as a table, for spreadsheets and plotting programs.</summary>
internal static class Metrics
{
    public static byte[] Format(IEnumerable<Epoch> epochs)
    {
        var csv = new StringBuilder("epoch,training_loss,training_accuracy,validation_loss,validation_accuracy,images_per_second\n");
        foreach (var epoch in epochs)
            csv.Append($"{epoch.Number},{Digits.FormatLoss(epoch.TrainingLoss, 5)},{epoch.TrainingAccuracy:0.00000},{Digits.FormatLoss(epoch.ValidationLoss, 5)},{epoch.ValidationAccuracy:0.00000},{epoch.ImagesPerSecond:0.0}\n");
        return Encoding.UTF8.GetBytes(csv.ToString());
    }
}
