using ResNet.Core;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

/// <summary>Writes the folder of a training without training: a model config and random weights.</summary>
internal static class UntrainedRun
{
    public static void Write(TempFolder folder, ModelConfig network)
    {
        manual_seed(1);
        folder.Write(ModelConfig.FileName, network.ToJson());
        using var model = network.Create(CPU);
        Checkpoint.Save(model, folder[ModelConfig.WeightsFileName]);
    }
}
