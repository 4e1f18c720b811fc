using ResNet.Core.Distributed.Communication;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>
/// Gradients of one type, flattened into one tensor and reduced in one operation. After the gradients, the tensor has one number per parameter: on how many ranks
/// it has a gradient.
/// </summary>
internal sealed class Bucket : IDisposable
{
    private readonly string _name;
    private readonly ProcessGroup _group;
    private readonly Tensor _flat, _uses;
    private readonly List<Slot> _slots = [];
    private Operation? _operation;

    /// <param name="number">The number of the bucket for messages, from 0.</param>
    /// <param name="parameters">The parameters with their names, of one type and on one device.</param>
    /// <param name="group">The process group.</param>
    public Bucket(int number, IReadOnlyList<(string Name, Parameter Parameter)> parameters, ProcessGroup group)
    {
        (_name, _group) = ($"gradient bucket {number}", group);
        var (device, type) = group.Collectives.FindTransport(parameters[0].Parameter.device, parameters[0].Parameter.dtype);
        var count = parameters.Sum(parameter => parameter.Parameter.numel());
        using var scope = NewDisposeScope();
        _flat = zeros(count + parameters.Count, type, device).DetachFromDisposeScope();
        _uses = _flat.narrow(0, count, parameters.Count).DetachFromDisposeScope();
        var start = 0L;
        foreach (var (name, parameter) in parameters)
        {
            var part = _flat.narrow(0, start, parameter.numel()).view(parameter.shape).DetachFromDisposeScope();
            _slots.Add(new Slot(name, parameter, part));
            start += parameter.numel();
        }
    }

    /// <summary>The number of parameters in the bucket.</summary>
    public int Count => _slots.Count;

    /// <summary>Whether the reduction is in flight.</summary>
    public bool IsLaunched => _operation is not null;

    public static bool HasGradient(Parameter parameter)
    {
        using var gradient = parameter.grad;
        return gradient is not null;
    }

    /// <summary>
    /// Removes the parameters' gradients and starts summing them over the ranks. A gradient that arrives later is then noticed, since the parameter has none.
    /// </summary>
    /// <param name="pass">The number of the forward pass, for messages. It also reveals a rank that skipped a step.</param>
    public void Launch(long pass)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var uses = new double[_slots.Count];
        for (var i = 0; i < _slots.Count; i++)
            uses[i] = _slots[i].Take() ? 1 : 0;
        _uses.copy_(tensor(uses, ScalarType.Float64));
        _operation = _group.Collectives.BeginSum(_flat, $"{_name} of pass {pass}");
    }

    /// <summary>Throws if a parameter has a new gradient since <see cref="Launch"/>.</summary>
    /// <exception cref="InvalidOperationException">A parameter has a late gradient.</exception>
    public void ExpectNoneLate()
    {
        if (IsLaunched && _slots.Find(slot => slot.HasGradient) is { } late)
            throw new InvalidOperationException(
                $"{late.Name} got another gradient after those of its bucket had been sent: expected one backward pass between two calls of synchronize(), and a module that is always called through `call`; " +
                "for several backward passes, run the forward passes within no_sync(), and call synchronize() after the last one");
    }

    /// <summary>Waits for the sum and assigns the mean to each parameter. A parameter that no rank used keeps its gradient.</summary>
    public void Finish()
    {
        _operation!.Wait();
        _operation = null;
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var uses = _uses.to(ScalarType.Float64, CPU).data<double>().ToArray();
        _flat.div_(_group.WorldSize);
        for (var i = 0; i < _slots.Count; i++)
            _slots[i].Give(isUsed: uses[i] > 0);
    }

    public void Dispose()
    {
        // MPI may still write to the memory of an unfinished operation.
        if (IsLaunched)
            return;
        _slots.ForEach(slot => slot.Dispose());
        _uses.Dispose();
        _flat.Dispose();
    }

    private sealed class Slot(string name, Parameter parameter, Tensor part) : IDisposable
    {
        private Tensor? _gradient;

        public string Name => name;

        public bool HasGradient => Bucket.HasGradient(parameter);

        /// <returns>Whether the parameter had a gradient.</returns>
        public bool Take()
        {
            _gradient = parameter.grad?.DetachFromDisposeScope();
            if (_gradient is null)
            {
                part.zero_();
                return false;
            }
            if (_gradient.is_sparse)
                throw new NotSupportedException($"{name}: expected a dense gradient, got a sparse one");
            part.copy_(_gradient);
            parameter.grad = null;
            return true;
        }

        public void Give(bool isUsed)
        {
            if (isUsed)
            {
                _gradient ??= empty_like(parameter, requires_grad: false).DetachFromDisposeScope();
                _gradient.copy_(part);
                parameter.grad = _gradient;
            }
            _gradient?.Dispose(); // only this reference
            _gradient = null;
        }

        public void Dispose() => part.Dispose();
    }
}
