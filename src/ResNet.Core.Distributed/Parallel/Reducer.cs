using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>
/// Sends buckets of gradients off while the backward pass goes on, in the same order on every rank, and hands the means out at the end.
/// </summary>
internal sealed class Reducer : IDisposable
{
    private readonly List<Bucket> _buckets = [];
    private readonly Dictionary<Parameter, Progress> _progress = new(ReferenceEqualityComparer.Instance);
    private readonly int[] _missing; // how many parameters of each bucket have no gradient yet
    private readonly ProcessGroup _group;
    private long _pass;
    private int _launched;
    private int _round; // of which a signal is: graphs outlive a round where nobody goes back through them
    private Tensor? _lastGradient;
    private Exception? _failure;

    /// <param name="parameters">That need a gradient, with their names, in the module's order; each once.</param>
    /// <param name="group">The ranks.</param>
    /// <param name="capacity">Of a bucket, in bytes.</param>
    public Reducer(IReadOnlyList<(string Name, Parameter Parameter)> parameters, ProcessGroup group, long capacity)
    {
        _group = group;
        foreach (var content in Buckets.Fill(parameters, capacity))
        {
            foreach (var (_, parameter) in content)
                _progress.Add(parameter, new Progress(_buckets.Count));
            _buckets.Add(new Bucket(_buckets.Count, content, group));
        }
        _missing = [.. _buckets.Select(bucket => bucket.Count)];
    }

    /// <summary>Whether a backward pass has come by since the last <see cref="Finish"/>.</summary>
    public bool HasBegun
    {
        get;
        private set
        {
            if (field != value)
                _group.CountUnfinished(value ? 1 : -1);
            field = value;
        }
    }

    /// <summary>Counts the forward passes, of which each rank makes the same number.</summary>
    public void CountPass() => _pass++;

    /// <summary>Puts a signal where the backward pass enters the module.</summary>
    /// <param name="output">Of the module.</param>
    public Tensor WatchOutput(Tensor output)
    {
        // A copy, since libtorch lets nobody change a function's view in place, and an output may be.
        using var signal = GradientSignal.Put(output, gradient => Guard(gradient, () => HasBegun = true));
        return signal.clone();
    }

    /// <summary>Counts a use of parameters, and puts a signal where the backward pass has made the gradients of this use.</summary>
    /// <param name="input">Of the module that has the parameters.</param>
    /// <param name="parameters">Its own.</param>
    public Tensor WatchInput(Tensor input, IReadOnlyList<Parameter> parameters)
    {
        foreach (var parameter in parameters)
            _progress[parameter].Uses++;
        // The backward pass does not come to an input that needs no gradient: then this use stays open until the end.
        if (!input.requires_grad)
            return input;
        var round = _round;
        return GradientSignal.Put(input, gradient => Guard(gradient, () =>
        {
            HasBegun = true;
            foreach (var parameter in parameters)
                CompleteUse(parameter, isLate: round != _round);
        }));
    }

    /// <summary>Sends what has not been sent, and gives each parameter the mean over the ranks.</summary>
    /// <exception cref="InvalidOperationException">A gradient came after its bucket was sent.</exception>
    public void Finish()
    {
        try
        {
            ThrowIfFailed();
            _buckets.ForEach(bucket => bucket.ExpectNoneLate());
            while (_launched < _buckets.Count)
                _buckets[_launched++].Launch(_pass);
            _buckets.ForEach(bucket => bucket.Finish());
        }
        catch (Exception e)
        {
            _failure ??= e;
            throw;
        }
        StartRound();
    }

    /// <summary>Throws what went wrong before, since when the gradients are neither this rank's nor the mean.</summary>
    public void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new InvalidOperationException($"the gradients could not be synchronized: {_failure.Message}", _failure);
    }

    public void Dispose()
    {
        HasBegun = false;
        _lastGradient?.Dispose();
        _buckets.ForEach(bucket => bucket.Dispose());
    }

    private void StartRound()
    {
        _lastGradient?.Dispose();
        _lastGradient = null;
        HasBegun = false;
        _launched = 0;
        _round++;
        for (var number = 0; number < _missing.Length; number++)
            _missing[number] = _buckets[number].Count;
        foreach (var progress in _progress.Values)
            (progress.Uses, progress.IsReady) = (0, false);
    }

    private void CompleteUse(Parameter parameter, bool isLate)
    {
        var progress = _progress[parameter];
        if (isLate)
            progress.Uses++; // and stays open, so that what comes into this round goes with its end
        // Without a gradient it has another use, which nobody has announced, or none of its own: autograd.grad comes by as well.
        else if (--progress.Uses == 0 && !progress.IsReady && Bucket.HasGradient(parameter))
        {
            progress.IsReady = true;
            _missing[progress.Bucket]--;
            while (_launched < _buckets.Count && _missing[_launched] == 0)
                _buckets[_launched++].Launch(_pass);
        }
    }

    /// <summary>Nothing is thrown into libtorch's engine, which could not catch it: it waits for <see cref="Finish"/>.</summary>
    private void Guard(Tensor gradient, Action action)
    {
        try
        {
            _lastGradient?.Dispose();
            _lastGradient = gradient.DetachFromDisposeScope();
            if (_failure is null)
                action();
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }

    private sealed class Progress(int bucket)
    {
        public int Bucket => bucket;

        /// <summary>How many uses of the forward pass the backward pass has not come by yet.</summary>
        public int Uses { get; set; }

        public bool IsReady { get; set; }
    }
}
