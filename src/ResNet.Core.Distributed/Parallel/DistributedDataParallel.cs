using System.Runtime.CompilerServices;
using ResNet.Core.Distributed.Parallel;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ResNet.Core.Distributed;

/// <summary>
/// Averages a module's gradients over the ranks, each of which trains with its own part of a batch, like PyTorch's
/// <c>torch.nn.parallel.DistributedDataParallel</c>. Gradients are reduced in buckets while the backward pass runs.
/// </summary>
/// <remarks>
/// <para>
/// TorchSharp has no hook at the end of a backward pass, so the training loop calls <see cref="synchronize"/> itself:
/// <c>loss.backward(); ddp.synchronize(); optimizer.step();</c>. Clip gradients and call a <c>GradScaler</c>'s <c>unscale_</c> after <see cref="synchronize"/>.
/// Before it, gradients that are being reduced are null.
/// </para>
/// <para>
/// Gradients of a <c>Module&lt;Tensor, Tensor&gt;</c> that is called through <c>call</c> are reduced during the backward pass, all others at its end. A module with
/// its own parameters must not change its input in place.
/// </para>
/// <para>As in PyTorch, batch norms only see their own rank's part of the batch, and all ranks use the running statistics of rank 0.</para>
/// </remarks>
public sealed class DistributedDataParallel : Module<Tensor, Tensor>
{
    private const double BytesInMegabyte = 1024 * 1024;

    // Two wrappers of one parameter would both take its gradient.
    private static readonly ConditionalWeakTable<Parameter, DistributedDataParallel> wrapped = [];

    private readonly Reducer _reducer;
    private readonly List<(string Name, Parameter Parameter, bool IsTrained)> _members;
    private readonly List<Action> _removals = []; // of hooks
    private readonly ProcessGroup _group;
    private readonly bool _broadcastsBuffers;
    private int _noSyncs; // not yet disposed
    private bool _isRecording, _areBuffersDue = true, _areBuffersChanged;
    private bool _isDisposed;

    /// <summary>Wraps a module. The ranks verify that they have the same module, and copy the weights and buffers of rank 0.</summary>
    /// <param name="module">The module, already on its device, with its final type and frozen parameters. The caller still owns and disposes it.</param>
    /// <param name="group">The process group.</param>
    /// <param name="bucket_cap_mb">The bucket size in megabytes. The first bucket has at most one megabyte.</param>
    /// <param name="broadcast_buffers">Whether a forward pass starts by copying the buffers of rank 0, such as the running statistics of batch norms.</param>
    /// <exception cref="ArgumentException">The module differs from rank 0's, has no parameter to train, or has a parameter of a type that cannot be averaged.</exception>
    /// <exception cref="DistributedException">A rank is in another operation, or has left.</exception>
    /// <exception cref="TimeoutException">A rank did not join in time.</exception>
    public DistributedDataParallel(Module<Tensor, Tensor> module, ProcessGroup group, double bucket_cap_mb = 25, bool broadcast_buffers = true)
        : this(module, group, bucket_cap_mb, broadcast_buffers, overlap: true)
    {
    }

    /// <summary>Wraps a module. Without <paramref name="overlap"/>, all gradients are reduced at the end of the backward pass.</summary>
    internal DistributedDataParallel(Module<Tensor, Tensor> module, ProcessGroup group, double bucket_cap_mb, bool broadcast_buffers, bool overlap)
        : base(nameof(DistributedDataParallel))
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(group);
        if (module.parameters().Any(parameter => wrapped.TryGetValue(parameter, out _)))
            throw new ArgumentException("expected a module without parts that are already wrapped: dispose of the other wrapper first", nameof(module));
        if (!(bucket_cap_mb > 0 && bucket_cap_mb <= long.MaxValue / BytesInMegabyte))
            throw new ArgumentOutOfRangeException(nameof(bucket_cap_mb), bucket_cap_mb, "expected a positive number of megabytes");
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
            CopyFromRankZero(bucket_cap_mb);
        _reducer = new Reducer(isAlone ? [] : trained, group, (long)Math.Max(1, bucket_cap_mb * BytesInMegabyte));
        if (overlap && !isAlone)
            foreach (var part in module.modules().Prepend(module).Distinct().OfType<Module<Tensor, Tensor>>())
                Hook(part);
        foreach (var (_, parameter) in trained)
            wrapped.Add(parameter, this);
    }

    /// <summary>The wrapped module. Use it to save, export, or evaluate on a single rank.</summary>
    public Module<Tensor, Tensor> module { get; }

    /// <summary>Runs the module's forward pass. The backward pass then averages the gradients, except within <see cref="no_sync"/>.</summary>
    /// <param name="input">This rank's part of the batch, in the shape that the module expects.</param>
    /// <returns>The output of the module. The caller owns it.</returns>
    /// <exception cref="InvalidOperationException">
    /// There are gradients that are not yet synchronized, or the module has other parameters or other frozen parameters than when it was wrapped.
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
        _areBuffersDue = synchronizes; // PyTorch's rule: the first pass after no_sync copies no buffers
        // The module's own output is not modified: the module may keep it, or it may be the input.
        return synchronizes && output.requires_grad ? _reducer.HookOutput(output) : output;
    }

    /// <summary>
    /// Accumulates gradients on this rank only, until the result is disposed. For gradient accumulation, run all passes except the last within it.
    /// </summary>
    /// <returns>The scope.</returns>
    public IDisposable no_sync()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return new NoSync(this);
    }

    /// <summary>
    /// Replaces every gradient with the mean over the ranks. Call it after the backward pass and before anything reads the gradients. A parameter that a rank did not
    /// use counts as zero there; one that no rank used keeps its gradient.
    /// </summary>
    /// <exception cref="InvalidOperationException">A gradient arrived unexpectedly, for example because a module was called through <c>forward</c> in one place and <c>call</c> in another.</exception>
    /// <exception cref="DistributedException">A rank is in another operation, or has left.</exception>
    /// <exception cref="TimeoutException">A rank did not join in time.</exception>
    public void synchronize()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _reducer.Finish();
    }

    /// <summary>Removes the hooks from the module, which is not disposed.</summary>
    /// <param name="disposing">False if called by the finalizer.</param>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _removals.ForEach(remove => remove());
            _reducer.Dispose();
            _members.ForEach(member => wrapped.Remove(member.Parameter));
            ClearModules(); // otherwise the base class would dispose of the caller's module
        }
        base.Dispose(disposing);
    }

    private bool IsSynchronizing => _noSyncs == 0;

    /// <summary>Verifies that all ranks have the same model, and copies the weights and buffers of rank 0.</summary>
    private void CopyFromRankZero(double bucketCapacity)
    {
        var buffers = module.named_buffers().ToList();
        ModelVerifier.Verify(_members.Select(entry => (entry.Name, entry.Parameter)), buffers, bucketCapacity, _group);
        new CoalescedTensors([.. _members.Select(entry => entry.Parameter), .. buffers.Select(entry => entry.buffer)], _group).Broadcast();
    }

    private void Hook(Module<Tensor, Tensor> part)
    {
        var own = part.named_parameters(recurse: false).Select(entry => entry.parameter).Where(parameter => parameter.requires_grad).ToList();
        if (own.Count > 0)
            _removals.Add(part.register_forward_pre_hook((_, input) => _isRecording ? _reducer.HookInput(input, own) : input).remove);
    }

    private void ExpectReady()
    {
        _reducer.ThrowIfFailed();
        if (IsSynchronizing && _reducer.HasBegun)
            throw new InvalidOperationException("expected synchronize() between a backward pass and the next forward pass, got gradients that are not synchronized");
        foreach (var (name, parameter, isTrained) in _members)
            if (parameter.requires_grad != isTrained)
                throw new InvalidOperationException($"{name} {(isTrained ? "was trainable and is now frozen" : "was frozen and is now trainable")}: expected parameters to be frozen before the module is wrapped");
    }

    private void ExpectSameParameters()
    {
        if (!module.parameters().SequenceEqual(_members.Select(member => member.Parameter), ReferenceEqualityComparer.Instance))
            throw new InvalidOperationException("the module has other parameters than when it was wrapped: expected its parts, device and type to be final before");
    }

    /// <summary>Copies the buffers of rank 0. Evaluation changes no buffers, so only its first pass copies them.</summary>
    private void SynchronizeBuffers()
    {
        if (!_broadcastsBuffers || _group.WorldSize == 1 || !_areBuffersDue || !(module.training || _areBuffersChanged))
            return;
        new CoalescedTensors(module.buffers(), _group).Broadcast(); // looked up again, as in PyTorch, since a buffer may be another tensor by now
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
