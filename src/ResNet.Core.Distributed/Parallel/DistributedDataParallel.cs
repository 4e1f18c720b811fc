using System.Runtime.CompilerServices;
using ResNet.Core.Distributed.Parallel;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ResNet.Core.Distributed;

/// <summary>
/// A module whose gradients are averaged over the ranks, each of which trains it with its own part of a batch: PyTorch's
/// <c>torch.nn.parallel.DistributedDataParallel</c>. The gradients travel in buckets while the backward pass goes on.
/// </summary>
/// <remarks>
/// <para>
/// TorchSharp has no hook at the end of a backward pass, so the loop says when it is over:
/// <c>loss.backward(); ddp.synchronize(); optimizer.step();</c>. Gradient clipping and a <c>GradScaler</c>'s <c>unscale_</c> come after
/// <see cref="synchronize"/>. Between the two, gradients that are on their way are null.
/// </para>
/// <para>
/// A gradient travels early where its module is a <c>Module&lt;Tensor, Tensor&gt;</c> that is called by <c>call</c>, and otherwise at the
/// end. A module that has parameters of its own must not change its input in place.
/// </para>
/// <para>Batch norms compute with their own rank's part of the batch, as in PyTorch; their running statistics are rank 0's.</para>
/// </remarks>
public sealed class DistributedDataParallel : Module<Tensor, Tensor>
{
    private const double BytesInMegabyte = 1024 * 1024;

    // Two would both take the gradients away.
    private static readonly ConditionalWeakTable<Parameter, DistributedDataParallel> wrapped = [];

    private readonly Reducer _reducer;
    private readonly List<(string Name, Parameter Parameter, bool IsTrained)> _members;
    private readonly List<Action> _removals = []; // of hooks
    private readonly ProcessGroup _group;
    private readonly bool _broadcastsBuffers;
    private int _noSyncs; // that are not disposed
    private bool _isRecording, _areBuffersDue = true, _areBuffersChanged;
    private bool _isDisposed;

    /// <summary>Wraps a module: the ranks check that it is the same one on each, and take rank 0's weights and buffers.</summary>
    /// <param name="module">On its device, with its type, and with the parameters frozen that are. The caller still owns it and disposes it.</param>
    /// <param name="group">The ranks.</param>
    /// <param name="bucket_cap_mb">How many megabytes of gradients travel together. The first bucket has one megabyte at most.</param>
    /// <param name="broadcast_buffers">Whether a forward pass begins with rank 0's buffers, such as the running statistics of batch norms.</param>
    /// <exception cref="ArgumentException">The module differs from rank 0's, has no parameter to train, or one of a type that cannot be averaged.</exception>
    /// <exception cref="DistributedException">A rank does something else, or has left.</exception>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    public DistributedDataParallel(Module<Tensor, Tensor> module, ProcessGroup group, double bucket_cap_mb = 25, bool broadcast_buffers = true)
        : this(module, group, bucket_cap_mb, broadcast_buffers, overlap: true)
    {
    }

    /// <summary>Without <paramref name="overlap"/> all gradients travel at the end.</summary>
    internal DistributedDataParallel(Module<Tensor, Tensor> module, ProcessGroup group, double bucket_cap_mb, bool broadcast_buffers, bool overlap)
        : base(nameof(DistributedDataParallel))
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(group);
        if (module.parameters().Any(parameter => wrapped.TryGetValue(parameter, out _)))
            throw new ArgumentException("expected a module no part of which is wrapped already: dispose of that wrapper first", nameof(module));
        if (!(bucket_cap_mb > 0 && bucket_cap_mb <= long.MaxValue / BytesInMegabyte))
            throw new ArgumentOutOfRangeException(nameof(bucket_cap_mb), bucket_cap_mb, "expected a number of megabytes above zero");
        (this.module, _group, _broadcastsBuffers) = (module, group, broadcast_buffers);
        _members = [.. module.named_parameters().DistinctBy(entry => entry.parameter, ReferenceEqualityComparer.Instance).Select(entry => (entry.name, entry.parameter, entry.parameter.requires_grad))];
        var trained = _members.Where(entry => entry.IsTrained).Select(entry => (entry.Name, entry.Parameter)).ToList();
        if (trained.Count == 0)
            throw new ArgumentException("expected a module with a parameter that requires a gradient, got none", nameof(module));
        foreach (var (name, parameter) in trained)
            if (!parameter.is_floating_point())
                throw new ArgumentException($"{name}: expected floating-point numbers, got {parameter.dtype}", nameof(module));
        register_module(nameof(module), module);
        var isAlone = group.WorldSize == 1;
        if (!isAlone)
            TakeFirstRanks(bucket_cap_mb);
        _reducer = new Reducer(isAlone ? [] : trained, group, (long)Math.Max(1, bucket_cap_mb * BytesInMegabyte));
        if (overlap && !isAlone)
            foreach (var part in module.modules().Prepend(module).Distinct().OfType<Module<Tensor, Tensor>>())
                Watch(part);
        foreach (var (_, parameter) in trained)
            wrapped.Add(parameter, this);
    }

    /// <summary>The wrapped module: what is saved, exported, and evaluated on one rank alone.</summary>
    public Module<Tensor, Tensor> module { get; }

    /// <summary>The module's forward pass, after which a backward pass averages the gradients, unless it is in <see cref="no_sync"/>.</summary>
    /// <param name="input">This rank's part of the batch, of the shape that the module takes.</param>
    /// <returns>What the module returns. The caller owns it.</returns>
    /// <exception cref="InvalidOperationException">
    /// There are gradients that have not been synchronized, or the module's parameters are not those, or not frozen as, they were.
    /// </exception>
    public override Tensor forward(Tensor input)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var records = is_grad_enabled();
        ExpectSameParameters();
        if (records)
            ExpectReady();
        SynchronizeBuffers();
        var synchronizes = records && IsSynchronizing;
        if (synchronizes)
            _reducer.CountPass();
        _isRecording = synchronizes;
        Tensor output;
        try
        {
            output = module.call(input);
        }
        finally
        {
            _isRecording = false;
        }
        _areBuffersChanged |= module.training;
        _areBuffersDue = synchronizes; // PyTorch's rule, by which the first pass after no_sync has nothing to take
        // The module's own tensor stays as it is: the module may have kept it, or it may be the input.
        return synchronizes && output.requires_grad ? _reducer.WatchOutput(output) : output;
    }

    /// <summary>Until it is disposed, backward passes add up this rank's gradients alone: for a batch in several pieces, of which the last one is outside.</summary>
    public IDisposable no_sync()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return new NoSync(this);
    }

    /// <summary>
    /// Makes every gradient the mean over the ranks: after the backward pass, and before anything looks at the gradients. A parameter that
    /// was not used on a rank counts as zero there; one that no rank has used keeps its gradient, or none.
    /// </summary>
    /// <exception cref="InvalidOperationException">A gradient came that was not announced, for instance by a module called by <c>forward</c> in one place and by <c>call</c> in another.</exception>
    /// <exception cref="DistributedException">A rank does something else, or has left.</exception>
    /// <exception cref="TimeoutException">A rank did not come in time.</exception>
    public void synchronize()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _reducer.Finish();
    }

    /// <summary>Takes the hooks off the module, which stays as it is.</summary>
    /// <param name="disposing">Whether it is not the finalizer that calls.</param>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _removals.ForEach(remove => remove());
            _reducer.Dispose();
            _members.ForEach(member => wrapped.Remove(member.Parameter));
            ClearModules(); // or the base class would dispose of the caller's
        }
        base.Dispose(disposing);
    }

    private bool IsSynchronizing => _noSyncs == 0;

    /// <summary>Makes sure that the model is rank 0's, and takes its weights and buffers.</summary>
    private void TakeFirstRanks(double bucketCapacity)
    {
        var buffers = module.named_buffers().ToList();
        ModelAgreement.Check(_members.Select(entry => (entry.Name, entry.Parameter)), buffers, bucketCapacity, _group);
        new FlatState([.. _members.Select(entry => entry.Parameter), .. buffers.Select(entry => entry.buffer)], _group).Broadcast();
    }

    private void Watch(Module<Tensor, Tensor> part)
    {
        var own = part.named_parameters(recurse: false).Select(entry => entry.parameter).Where(parameter => parameter.requires_grad).ToList();
        if (own.Count > 0)
            _removals.Add(part.register_forward_pre_hook((_, input) => _isRecording ? _reducer.WatchInput(input, own) : input).remove);
    }

    private void ExpectReady()
    {
        _reducer.ThrowIfFailed();
        if (IsSynchronizing && _reducer.HasBegun)
            throw new InvalidOperationException("expected synchronize() between a backward pass and the next forward pass, got gradients that have not been synchronized");
        foreach (var (name, parameter, isTrained) in _members)
            if (parameter.requires_grad != isTrained)
                throw new InvalidOperationException($"{name} {(isTrained ? "was trained and is frozen" : "was frozen and is trained")} now: expected the parameters to be frozen before the module is wrapped");
    }

    private void ExpectSameParameters()
    {
        if (!module.parameters().SequenceEqual(_members.Select(member => member.Parameter), ReferenceEqualityComparer.Instance))
            throw new InvalidOperationException("the module has other parameters than when it was wrapped: expected all of its parts to be there before, on their device and with their type");
    }

    /// <summary>Makes the buffers rank 0's. A pass that changes none, as evaluation does, exchanges nothing after the first.</summary>
    private void SynchronizeBuffers()
    {
        if (!_broadcastsBuffers || _group.WorldSize == 1 || !_areBuffersDue || !(module.training || _areBuffersChanged))
            return;
        new FlatState(module.buffers(), _group).Broadcast(); // looked up anew, as in PyTorch: a buffer may be another tensor by now
        _areBuffersChanged = false;
    }

    private sealed class NoSync : IDisposable
    {
        private DistributedDataParallel? _owner;

        public NoSync(DistributedDataParallel owner)
        {
            _owner = owner;
            owner._noSyncs++;
        }

        public void Dispose()
        {
            if (_owner is not null)
                _owner._noSyncs--;
            _owner = null;
        }
    }
}
