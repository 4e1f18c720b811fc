using TorchSharp.Modules;
using static TorchSharp.torch.utils;

namespace ResNet.Train;

/// <summary>The numbers of the epochs for TensorBoard: <c>tensorboard --logdir runs</c> shows all trainings together, while they run.</summary>
internal sealed class TensorBoardLog(string folder)
{
    // At the first epoch, so that there is no file for a training without one
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
