using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ResNet.Core.Distributed.Parallel;

/// <summary>
/// Reduces buckets of gradients while the backward pass runs, in the same order on every rank, and assigns the means at the end.
/// </summary>
internal sealed class Reducer : IDisposable
{
    private readonly List<Bucket> _buckets = [];
    private readonly Dictionary<Parameter, Progress> _progress = new(ReferenceEqualityComparer.Instance);
    private readonly int[] _missing; // the number of parameters without a gradient in each bucket
    private readonly ProcessGroup _group;
    private long _pass;
    private int _launched;
    private int _round; // identifies hooks of an older graph whose backward pass did not run in its round
    private Tensor? _lastGradient;
    private Exception? _failure;

    /// <param name="parameters">The distinct parameters that require a gradient, with their names, in the module's order.</param>
    /// <param name="group">The process group.</param>
    /// <param name="capacity">The capacity of a bucket in bytes.</param>
    public Reducer(IReadOnlyList<(string Name, Parameter Parameter)> parameters, ProcessGroup group, long capacity)
    {
        _group = group;
        foreach (var content in BucketAssignment.Compute(parameters, capacity))
        {
            foreach (var (_, parameter) in content)
                _progress.Add(parameter, new Progress(_buckets.Count));
            _buckets.Add(new Bucket(_buckets.Count, content, group));
        }
        _missing = [.. _buckets.Select(bucket => bucket.Count)];
    }

    /// <summary>Whether a backward pass has started since the last <see cref="Finish"/>.</summary>
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

    /// <summary>Counts a forward pass. All ranks run the same number.</summary>
    public void CountPass() => _pass++;

    /// <summary>Hooks the point where the backward pass enters the module.</summary>
    /// <param name="output">The output of the module.</param>
    public Tensor HookOutput(Tensor output)
    {
        // A copy, since libtorch forbids in-place changes to a view from a custom function, and users may change the output.
        using var hooked = BackwardHook.Attach(output, gradient => Guard(gradient, () => HasBegun = true));
        return hooked.clone();
    }

    /// <summary>Counts a use of parameters, and hooks the point where the backward pass has computed the gradients of this use.</summary>
    /// <param name="input">The input of the module with the parameters.</param>
    /// <param name="parameters">The parameters of the module itself.</param>
    public Tensor HookInput(Tensor input, IReadOnlyList<Parameter> parameters)
    {
        foreach (var parameter in parameters)
            _progress[parameter].Uses++;
        // The backward pass does not reach an input without a gradient, so this use stays open until the end.
        if (!input.requires_grad)
            return input;
        var round = _round;
        return BackwardHook.Attach(input, gradient => Guard(gradient, () =>
        {
            HasBegun = true;
            foreach (var parameter in parameters)
                CompleteUse(parameter, isLate: round != _round);
        }));
    }

    /// <summary>Launches the remaining buckets, and assigns the mean over the ranks to each parameter.</summary>
    /// <exception cref="InvalidOperationException">A gradient arrived after its bucket was launched.</exception>
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

    /// <summary>Throws if something failed before. The gradients are then neither this rank's own nor the mean.</summary>
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
            progress.Uses++; // stays open, so that its gradient is reduced at the end of this round
        // Without a gradient, there is another use that was not counted, or autograd.grad runs the hook, which computes no parameter gradients.
        else if (--progress.Uses == 0 && !progress.IsReady && Bucket.HasGradient(parameter))
        {
            progress.IsReady = true;
            _missing[progress.Bucket]--;
            while (_launched < _buckets.Count && _missing[_launched] == 0)
                _buckets[_launched++].Launch(_pass);
        }
    }

    /// <summary>Stores exceptions until <see cref="Finish"/>, since libtorch's engine cannot handle them.</summary>
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

        /// <summary>The number of uses in the forward pass that the backward pass has not reached yet.</summary>
        public int Uses { get; set; }

        public bool IsReady { get; set; }
    }
}
