using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Ranks.Scenarios;

/// <summary>
/// A training that resumes from its last checkpoint with any number of ranks. The rank that is given as the victim is killed
/// in the middle of the training.
/// </summary>
/// <remarks>Without a checkpoint and a victim it is the uninterrupted training.</remarks>
internal static class Elastic
{
    private const string Trained = "trained.safetensors";
    private const int Images = 96, Batch = 16, Epochs = 2, CheckpointEvery = 3, KilledAt = 8;

    public static int Run(string folder, int victim, string reference)
    {
        using var group = ProcessGroup.Init();
        using var scope = NewDisposeScope();
        Report.WriteProcessId(group);

        random.manual_seed(5 + group.Rank);
        var network = CreateNetwork();
        var state = new State(network);
        var path = Path.Combine(folder, "checkpoint.safetensors");
        if (File.Exists(path))
            Checkpoint.Load(state, path);
        Report.Write(group, "begins-at", state.Step);

        var model = new DistributedDataParallel(network, group);
        using var optimizer = optim.SGD(model.parameters(), 0.1, momentum: 0.9);
        state.SetMomentum(optimizer);
        var sampler = new DistributedSampler(Images, Batch, group, seed: 3, shuffle: true, drop_last: true);
        var inputs = arange(Images * 6, dtype: ScalarType.Float64).mul(0.37).sin().reshape(Images, 6);
        var labels = arange(Images, dtype: ScalarType.Int64).mul(5).remainder(4);

        var step = 0;
        for (var epoch = 0; epoch < Epochs; epoch++)
            foreach (var share in sampler.EnumerateEpoch(epoch))
            {
                if (step++ < state.Step) continue;
                if (step == KilledAt && group.Rank == victim)
                    System.Diagnostics.Process.GetCurrentProcess().Kill();

                using var stepScope = NewDisposeScope();
                optimizer.zero_grad();
                var chosen = tensor(share);
                nn.functional.cross_entropy(model.call(inputs[chosen]), labels[chosen]).backward();
                model.synchronize();
                optimizer.step();
                state.Step = step;
                if (step % CheckpointEvery == 0 && group.Rank == 0)
                    Checkpoint.Save(state, path); // replaces the file atomically
            }

        Report.Write(group, "ends-at", step);
        if (group.Rank == 0)
            Checkpoint.Save(state, Path.Combine(folder, Trained));
        if (reference.Length > 0)
            Report.Write(group, "difference", Difference.ComputeLargest(state.state_dict().Values, Read(reference).state_dict().Values));
        return 0;
    }

    /// <summary>Reads the weights and the momentum from a file.</summary>
    private static State Read(string path)
    {
        var state = new State(CreateNetwork());
        Checkpoint.Load(state, path);
        return state;
    }

    private static Sequential CreateNetwork() =>
        nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 4)).to(ScalarType.Float64);

    /// <summary>The weights, their momentum and the number of completed steps.</summary>
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

        /// <summary>Sets the optimizer's momentum. It is zero at first, which makes no difference to the first step.</summary>
        public void SetMomentum(SGD optimizer)
        {
            foreach (var (momentum, own) in _momentum.Zip(optimizer.state_dict().State))
                ((SGD.State)own).momentum_buffer = momentum;
        }
    }
}
