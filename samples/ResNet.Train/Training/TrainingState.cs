using System.Runtime.InteropServices;
using ResNet.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Train;

/// <summary>
/// The complete state of a training after an epoch: the network, the optimizer's momentum, the loss scale in float16 and the
/// epochs so far. It is a module, so that <see cref="Checkpoint"/> saves and loads it in one piece. It holds no random state,
/// because an epoch's random numbers follow from the seed and the epoch's number.
/// </summary>
internal sealed class TrainingState : nn.Module
{
    private const int Columns = 5; // numbers per epoch
    private const string Scale = "scale", GrowthTracker = "_growth_tracker"; // keys of a GradScaler's state

    private readonly Dictionary<string, Tensor> _momentum;
    private readonly Tensor _count = zeros([], ScalarType.Int64);
    private readonly Tensor _epochs;
    private readonly Tensor? _scaling;

    /// <param name="model">The network. The state owns it.</param>
    /// <param name="epochs">The number of epochs of the whole training.</param>
    /// <param name="average">A network for the moving average of the weights, which is then the result. The state owns it.</param>
    /// <param name="scaled">Whether the loss is scaled.</param>
    public TrainingState(ResidualNetwork model, int epochs, ResidualNetwork? average = null, bool scaled = false)
        : base(nameof(TrainingState))
    {
        Model = model;
        Average = average;
        _momentum = model.named_parameters().ToDictionary(entry => entry.name, entry => zeros_like(entry.parameter, requires_grad: false));
        _epochs = zeros([epochs, Columns], ScalarType.Float64);

        register_module("model", model);
        if (average is not null)
            register_module("average", average);
        foreach (var (name, tensor) in _momentum)
            register_buffer($"momentum.{name}", tensor);
        register_buffer("epochs_done", _count);
        register_buffer("epochs", _epochs);
        if (scaled)
            register_buffer("loss_scaling", _scaling = zeros([2], ScalarType.Float64));
    }

    public ResidualNetwork Model { get; }

    public ResidualNetwork? Average { get; }

    /// <summary>The network to validate, test and save.</summary>
    public ResidualNetwork Result => Average ?? Model;

    public long AllEpochs => _epochs.shape[0];

    /// <summary>The number of complete epochs. From a file, it may be any number.</summary>
    public long EpochsDone => _count.item<long>();

    /// <summary>The complete epochs.</summary>
    public IReadOnlyList<Epoch> Epochs => [.. Enumerable.Range(0, (int)EpochsDone).Select(ReadEpoch)];

    public void Add(Epoch epoch)
    {
        double[] row = [epoch.TrainingLoss, epoch.TrainingAccuracy, epoch.ValidationLoss, epoch.ValidationAccuracy, epoch.ImagesPerSecond];
        row.CopyTo(GetRow(epoch.Number - 1));
        _count.fill_(epoch.Number);
    }

    /// <summary>Makes the optimizer use this state's momentum. It starts at zero, which makes the first step the same as without momentum.</summary>
    public void GiveMomentumTo(SGD optimizer)
    {
        var names = Model.named_parameters().ToDictionary(entry => entry.parameter.Handle, entry => entry.name);
        var parameters = optimizer.ParamGroups.Cast<SGD.ParamGroup>().SelectMany(group => group.Parameters);
        foreach (var (parameter, own) in parameters.Zip(optimizer.state_dict().State))
            ((SGD.State)own).momentum_buffer = _momentum[names[parameter.Handle]];
    }

    /// <summary>Keeps the scaler's state after an epoch.</summary>
    public void Keep(GradScaler scaler)
    {
        if (_scaling is null) return;
        var state = scaler.state_dict();
        (Scaling[0], Scaling[1]) = (state[Scale], state[GrowthTracker]);
    }

    /// <summary>Restores the scaler's state. Before the first epoch there is none, and the scaler keeps its initial one.</summary>
    public void GiveTo(GradScaler scaler)
    {
        if (_scaling is not null && EpochsDone > 0)
            scaler.load_state_dict(new Dictionary<string, double> { [Scale] = Scaling[0], [GrowthTracker] = Scaling[1] });
    }

    private Span<double> Scaling => MemoryMarshal.Cast<byte, double>(_scaling!.bytes);

    private Epoch ReadEpoch(int index)
    {
        var row = GetRow(index);
        return new Epoch(index + 1, row[0], row[1], row[2], row[3], row[4]);
    }

    private Span<double> GetRow(int index) => MemoryMarshal.Cast<byte, double>(_epochs.bytes).Slice(index * Columns, Columns);
}
