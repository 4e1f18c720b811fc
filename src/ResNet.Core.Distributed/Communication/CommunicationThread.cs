using System.Collections.Concurrent;
using System.Diagnostics;
using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// The one thread that calls MPI. It begins an operation and polls it until it completes, instead of waiting within MPI: so
/// an operation has a deadline, which MPI does not know, and moves on while other threads compute, which MPI does not promise.
/// </summary>
internal sealed class CommunicationThread
{
    // Long enough for an operation within a machine; after it, the processor may be needed by a rank that is late.
    private static readonly TimeSpan spinning = TimeSpan.FromMilliseconds(20);

    private readonly BlockingCollection<Operation> _queue = [];
    private readonly string _rank;
    private readonly TimeSpan _timeout;
    private readonly Action<int> _abort;
    private readonly Thread _thread;
    private RollCall? _rollCall;
    private Exception? _failure;
    private int _abortCode;
    private volatile bool _isFinished;

    /// <param name="rank">This rank, as messages name it.</param>
    /// <param name="timeout">Of each operation, from its beginning to its end.</param>
    /// <param name="abort">Calls <c>MPI_Abort</c> with an exit code.</param>
    public CommunicationThread(string rank, TimeSpan timeout, Action<int> abort)
    {
        (_rank, _timeout, _abort) = (rank, timeout, abort);
        _thread = new Thread(Run) { Name = "ResNet.Core.Distributed", IsBackground = true };
    }

    /// <summary>Why no further operation is possible, or null.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Starts the thread.</summary>
    /// <param name="connect">Initializes MPI. Called on the new thread.</param>
    /// <exception cref="TimeoutException">MPI was not initialized in time.</exception>
    public void Start(Func<RollCall> connect)
    {
        _thread.Start();
        Call("MPI_Init", () => _rollCall = connect());
    }

    /// <summary>Hands an operation of all ranks over. Operations are carried out in the order in which they come.</summary>
    public Operation Post(string name, Func<IWork> begin) => Add(new Operation(name, begin));

    /// <summary>Says farewell to the others, waits until all do, and ends MPI.</summary>
    /// <param name="reason">An exception that may be why this rank leaves, to be told where another one misses it; or null.</param>
    /// <param name="finalize">Ends MPI. Called on the communication thread.</param>
    /// <exception cref="TimeoutException">Another rank goes on.</exception>
    public void Leave(Exception? reason, Action finalize)
    {
        Add(new Operation("Dispose", () =>
        {
            _rollCall!.Leave(reason);
            return new Farewell(_rollCall);
        }, isCollective: false)).Wait();
        Call("MPI_Finalize", () =>
        {
            finalize();
            (_rollCall, _isFinished) = (null, true);
        });
    }

    /// <summary>Lets the thread call <c>MPI_Abort</c>, which ends the process; comes back where it does not.</summary>
    public void Abort(int exitCode, TimeSpan patience)
    {
        if (Thread.CurrentThread == _thread)
        {
            _abort(exitCode);
            return;
        }
        Volatile.Write(ref _abortCode, exitCode);
        _thread.Join(patience);
    }

    private Operation Add(Operation operation)
    {
        try
        {
            _queue.Add(operation);
            return operation;
        }
        catch (InvalidOperationException)
        {
            throw new ObjectDisposedException("ProcessGroup");
        }
    }

    /// <summary>Calls something on the thread that may never come back.</summary>
    private void Call(string name, Action action)
    {
        var operation = Add(new Operation(name, () =>
        {
            action();
            return CompletedWork.Instance;
        }, isCollective: false));
        if (!operation.Wait(_timeout))
            throw new TimeoutException($"{_rank}: {name} did not return within {_timeout.TotalSeconds:0.###} s: another rank has not called it, or cannot be reached");
    }

    private void Run()
    {
        while (!_isFinished)
        {
            AbortIfAsked();
            if (_queue.TryTake(out var operation, millisecondsTimeout: 10))
            {
                var failure = Failure ?? Perform(operation);
                if (_isFinished)
                    _queue.CompleteAdding();
                operation.End(failure);
            }
            else if (_failure is not MpiException) // the others may still ask where this rank is
                Guard(() => _rollCall?.Answer());
        }
    }

    /// <returns>What went wrong, or null.</returns>
    private Exception? Perform(Operation operation) => Guard(() =>
    {
        var watch = Stopwatch.StartNew();
        if (operation.IsCollective)
        {
            Complete(_rollCall!.Enter(operation.Name), operation, watch);
            _rollCall.ExpectSame();
        }
        Complete(operation.Begin(), operation, watch);
    });

    private void Complete(IWork work, Operation operation, Stopwatch watch)
    {
        while (!work.IsCompleted())
        {
            AbortIfAsked();
            _rollCall!.Answer();
            if (operation.IsCollective)
                _rollCall.ExpectAll();
            if (watch.Elapsed > _timeout)
                throw new TimeoutException(operation.IsCollective
                    ? $"{_rollCall.Rank}: operation {_rollCall.Number} ({operation.Name}) was not complete after {_timeout.TotalSeconds:0.###} s: {_rollCall.FindMissing()}"
                    : $"{_rollCall.Rank}: waited {_timeout.TotalSeconds:0.###} s in {operation.Name}: {_rollCall.FindStaying()}");
            if (operation.IsAwaited && watch.Elapsed < spinning)
                Thread.Yield();
            else
                Pause.Briefly();
        }
    }

    /// <summary>Nothing is swallowed: whoever waits for this operation or a later one gets the exception.</summary>
    private Exception? Guard(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception e)
        {
            Volatile.Write(ref _failure, e);
            return e;
        }
    }

    private void AbortIfAsked()
    {
        if (Volatile.Read(ref _abortCode) is var code and not 0)
            _abort(code);
    }

    private sealed class Farewell(RollCall rollCall) : IWork
    {
        public bool IsCompleted() => rollCall.AllHaveLeft;
    }
}
