using TorchSharp.Modules;
using static TorchSharp.torch.utils;

namespace ResNet.Train;

/// <summary>Logs the epochs' metrics for TensorBoard: <c>tensorboard --logdir runs</c> shows all training runs together, while they run.</summary>
internal sealed class TensorBoardLog(string folder)
{
    // Created at the first epoch, so that a training without epochs leaves no file
    private SummaryWriter? _writer;

    public void Add(Epoch epoch)
    {
        _writer ??= tensorboard.SummaryWriter(folder);
        Add("loss/training", epoch.TrainingLoss);
        Add("loss/validation", epoch.ValidationLoss);
        Add("accuracy/training", epoch.TrainingAccuracy);
        Add("accuracy/validation", epoch.ValidationAccuracy);
        Add("images_per_second", epoch.ImagesPerSecond);

        void Add(string tag, double value) => _writer.add_scalar(tag, (float)value, epoch.Number);
    }
}
