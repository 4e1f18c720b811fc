using ResNet.Core.Distributed.Mpi;

namespace ResNet.Core.Distributed.Communication;

/// <summary>Requests, one after the other.</summary>
/// <param name="mpi">The library.</param>
/// <param name="requests">Each is begun when it is asked for.</param>
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
