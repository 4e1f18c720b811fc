using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>
/// A trainer that goes on from its last checkpoint with however many ranks there are. A rank given as the victim is killed
/// in the middle of the training.
/// </summary>
/// <remarks>Without a checkpoint to go on from and with nobody killed it is the run that was never interrupted.</remarks>
internal static class Elastic
{
    private const string Trained = "trained.safetensors";
    private const int Images = 96, Batch = 16, Epochs = 2, CheckpointEvery = 3, KilledAt = 8;

    public static int Run(string folder, int victim, string reference)
    {
        using var group = ProcessGroup.Init();
        using var scope = NewDisposeScope();
        Report.Process(group);

        random.manual_seed(5 + group.Rank);
        var network = Network();
        var state = new State(network);
        var path = Path.Combine(folder, "checkpoint.safetensors");
        if (File.Exists(path))
            Checkpoint.Load(state, path);
        Report.Value(group, "begins-at", state.Step);

        var model = new DistributedDataParallel(network, group);
        using var optimizer = optim.SGD(model.parameters(), 0.1, momentum: 0.9);
        state.GiveMomentumTo(optimizer);
        var sampler = new DistributedSampler(Images, Batch, group, seed: 3, shuffle: true, drop_last: true);
        var inputs = arange(Images * 6, dtype: ScalarType.Float64).mul(0.37).sin().reshape(Images, 6);
        var labels = arange(Images, dtype: ScalarType.Int64).mul(5).remainder(4);

        var step = 0;
        for (var epoch = 0; epoch < Epochs; epoch++)
            foreach (var share in sampler.Epoch(epoch))
            {
                if (step++ < state.Step) continue;
                if (step == KilledAt && group.Rank == victim)
                    System.Diagnostics.Process.GetCurrentProcess().Kill();

                using var ofStep = NewDisposeScope();
                optimizer.zero_grad();
                var chosen = tensor(share);
                nn.functional.cross_entropy(model.call(inputs[chosen]), labels[chosen]).backward();
                model.synchronize();
                optimizer.step();
                state.Step = step;
                if (step % CheckpointEvery == 0 && group.Rank == 0)
                    Checkpoint.Save(state, path); // replaces the file whole
            }

        Report.Value(group, "ends-at", step);
        if (group.Rank == 0)
            Checkpoint.Save(state, Path.Combine(folder, Trained));
        if (reference.Length > 0)
            Report.Value(group, "difference", Difference.Largest(state.state_dict().Values, Read(reference).state_dict().Values));
        return 0;
    }

    /// <summary>The weights and the momentum in a file.</summary>
    private static State Read(string path)
    {
        var state = new State(Network());
        Checkpoint.Load(state, path);
        return state;
    }

    private static Sequential Network() =>
        nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 4)).to(ScalarType.Float64);

    /// <summary>The weights, their momentum and how many steps are done.</summary>
    private sealed class State : nn.Module
    {
        private readonly List<Tensor> _momentum;
        private readonly Tensor _step = zeros([], ScalarType.Int64);

        public State(nn.Module network)
            : base(nameof(State))
        {
            _momentum = [.. network.parameters().Select(parameter => zeros_like(parameter, requires_grad: false))];
            register_module("network", network);
            for (var i = 0; i < _momentum.Count; i++)
                register_buffer($"momentum{i}", _momentum[i]);
            register_buffer("step", _step);
        }

        public long Step
        {
            get => _step.item<long>();
            set => _step.fill_(value);
        }

        /// <summary>Zero at first, with which the first step is the same as without.</summary>
        public void GiveMomentumTo(SGD optimizer)
        {
            foreach (var (momentum, own) in _momentum.Zip(optimizer.state_dict().State))
                ((SGD.State)own).momentum_buffer = momentum;
        }
    }
}
