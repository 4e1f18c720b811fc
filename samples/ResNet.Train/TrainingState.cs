using System.Runtime.InteropServices;
using ResNet.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// Everything that a training is after an epoch: the network, the optimizer's momentum and the epochs so far. As a module
/// it is saved and loaded in one piece, by <see cref="Checkpoint"/>. The random numbers need no place in it: those of an
/// epoch follow from the seed and the epoch's number.
/// </summary>
internal sealed class TrainingState : nn.Module
{
    private const int Columns = 5; // of an epoch's numbers

    private readonly Dictionary<string, Tensor> _momentum;
    private readonly Tensor _count = zeros([], ScalarType.Int64);
    private readonly Tensor _epochs;

    /// <param name="model">It belongs to the state from now on.</param>
    /// <param name="epochs">How many there will be.</param>
    public TrainingState(ResNet18 model, int epochs)
        : base(nameof(TrainingState))
    {
        Model = model;
        _momentum = model.named_parameters().ToDictionary(entry => entry.name, entry => zeros_like(entry.parameter, requires_grad: false));
        _epochs = zeros([epochs, Columns], ScalarType.Float64);

        register_module("model", model);
        foreach (var (name, tensor) in _momentum)
            register_buffer($"momentum.{name}", tensor);
        register_buffer("epochs_done", _count);
        register_buffer("epochs", _epochs);
    }

    public ResNet18 Model { get; }

    /// <summary>The epochs that are complete.</summary>
    public IReadOnlyList<Epoch> Epochs => [.. Enumerable.Range(0, (int)_count.item<long>()).Select(Epoch)];

    public void Add(Epoch epoch)
    {
        double[] row = [epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.ValidationLoss, epoch.ValidationAccuracy, epoch.ImagesPerSecond];
        row.CopyTo(Row(epoch.Number - 1));
        _count.fill_(epoch.Number);
    }

    /// <summary>Makes the optimizer work with the momentum that is saved. At first it is zero, with which the first step is the same as without.</summary>
    public void GiveMomentumTo(SGD optimizer)
    {
        var parameters = Model.named_parameters().Select(entry => entry.name);
        foreach (var (name, state) in parameters.Zip(optimizer.state_dict().State))
            ((SGD.State)state).momentum_buffer = _momentum[name];
    }

    private Epoch Epoch(int index)
    {
        var row = Row(index);
        return new Epoch(index + 1, row[0], row[1], row[2], row[3], row[4]);
    }

    private Span<double> Row(int index) => MemoryMarshal.Cast<byte, double>(_epochs.bytes).Slice(index * Columns, Columns);
}
