using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Runs MPI requests one after another.</summary>
/// <param name="mpi">The MPI functions.</param>
/// <param name="requests">The requests. Enumerating one starts it.</param>
internal sealed class MpiWork(MpiApi mpi, IEnumerable<nint> requests) : IWork
{
    private readonly IEnumerator<nint> _requests = requests.GetEnumerator();
    private bool _isBegun;
    private nint _request;

    public bool IsCompleted()
    {
        while (true)
        {
            if (!_isBegun)
            {
                if (!_requests.MoveNext())
                    return true;
                (_isBegun, _request) = (true, _requests.Current);
            }
            if (!mpi.Test(ref _request))
                return false;
            _isBegun = false;
        }
    }
}
