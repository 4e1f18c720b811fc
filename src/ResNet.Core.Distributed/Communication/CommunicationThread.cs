using System.Collections.Concurrent;
using System.Diagnostics;
using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>
/// The only thread that calls MPI. It starts an operation and polls it until it completes, instead of blocking in MPI. So an operation can time out, which MPI does
/// not support, and makes progress while other threads compute, which MPI does not guarantee.
/// </summary>
internal sealed class CommunicationThread
{
    // Long enough for an operation within a machine. After that, a late rank may need the processor.
    private static readonly TimeSpan spinning = TimeSpan.FromMilliseconds(20);

    private readonly BlockingCollection<Operation> _queue = [];
    private readonly string _rank;
    private readonly TimeSpan _timeout;
    private readonly Action<int> _abort;
    private readonly Thread _thread;
    private RankMonitor? _monitor;
    private Exception? _failure;
    private int _abortCode;
    private volatile bool _isFinished;

    /// <param name="rank">The name of this rank in messages.</param>
    /// <param name="timeout">The time limit of each operation.</param>
    /// <param name="abort">Calls <c>MPI_Abort</c> with an exit code.</param>
    public CommunicationThread(string rank, TimeSpan timeout, Action<int> abort)
    {
        (_rank, _timeout, _abort) = (rank, timeout, abort);
        _thread = new Thread(Run) { Name = "ResNet.Core.Distributed", IsBackground = true };
    }

    /// <summary>The exception after which no further operation is possible; null if there was none.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>Starts the thread.</summary>
    /// <param name="connect">Initializes MPI. Runs on the new thread.</param>
    /// <exception cref="TimeoutException">MPI did not initialize in time.</exception>
    public void Start(Func<RankMonitor> connect)
    {
        _thread.Start();
        Call("MPI_Init", () => _monitor = connect());
    }

    /// <summary>Queues a collective operation. Operations run in order.</summary>
    public Operation Post(string name, Func<IWork> begin) => Add(new Operation(name, begin));

    /// <summary>Tells the other ranks that this one leaves, waits until all leave, and finalizes MPI.</summary>
    /// <param name="reason">The exception that may be the reason, reported if another rank misses this one; or null.</param>
    /// <param name="finalize">Finalizes MPI. Runs on the communication thread.</param>
    /// <exception cref="TimeoutException">Another rank did not leave in time.</exception>
    public void Leave(Exception? reason, Action finalize)
    {
        Add(new Operation("Dispose", () =>
        {
            _monitor!.Leave(reason);
            return new LeaveWork(_monitor);
        }, isCollective: false)).Wait();
        Call("MPI_Finalize", () =>
        {
            finalize();
            (_monitor, _isFinished) = (null, true);
        });
    }

    /// <summary>Makes the thread call <c>MPI_Abort</c>, which ends the process. Returns if it does not.</summary>
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

    /// <summary>Runs an action on the thread that may never return.</summary>
    private void Call(string name, Action action)
    {
        var operation = Add(new Operation(name, () =>
        {
            action();
            return CompletedWork.Instance;
        }, isCollective: false));
        if (!operation.Wait(_timeout))
            throw new TimeoutException($"{_rank}: {name} did not return within {_timeout.TotalSeconds:0.###} s: another rank has not called it or cannot be reached");
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
            else if (_failure is not MpiException) // other ranks may still ask for the state of this one
                Guard(() => _monitor?.Answer());
        }
    }

    /// <returns>The exception, or null.</returns>
    private Exception? Perform(Operation operation) => Guard(() =>
    {
        var watch = Stopwatch.StartNew();
        if (operation.IsCollective)
        {
            Complete(_monitor!.Enter(operation.Name), operation, watch);
            _monitor.ExpectSame();
        }
        Complete(operation.Begin(), operation, watch);
    });

    private void Complete(IWork work, Operation operation, Stopwatch watch)
    {
        while (!work.IsCompleted())
        {
            AbortIfAsked();
            _monitor!.Answer();
            if (operation.IsCollective)
                _monitor.ExpectAll();
            if (watch.Elapsed > _timeout)
                throw new TimeoutException(operation.IsCollective
                    ? $"{_monitor.Rank}: operation {_monitor.Number} ({operation.Name}) was not complete after {_timeout.TotalSeconds:0.###} s: {_monitor.FindMissing()}"
                    : $"{_monitor.Rank}: waited {_timeout.TotalSeconds:0.###} s in {operation.Name}: {_monitor.FindStaying()}");
            if (operation.IsAwaited && watch.Elapsed < spinning)
                Thread.Yield();
            else
                Pause.SleepBriefly();
        }
    }

    /// <summary>Runs an action and stores its exception, which is thrown to everyone who waits for this or a later operation.</summary>
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

    private sealed class LeaveWork(RankMonitor monitor) : IWork
    {
        public bool IsCompleted() => monitor.AllHaveLeft;
    }
}
