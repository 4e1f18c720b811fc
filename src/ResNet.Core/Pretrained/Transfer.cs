using System.Net;
using System.Net.Http.Headers;

namespace ResNet.Core.Pretrained;

/// <summary>
/// Fetches into a file what it lacks, and goes on where an answer was cut off, as long as the server has the same version (<c>If-Range</c>). Of which version
/// the bytes of an earlier call are is not known: whether they fit the others the file's hash tells.
/// </summary>
/// <param name="client">Its <see cref="HttpClient.Timeout"/> is how long nothing may come.</param>
/// <param name="url">Of the whole file.</param>
/// <param name="file">What there is of it.</param>
/// <param name="longest">More bytes than the file can have.</param>
internal sealed class Transfer(HttpClient client, Uri url, FileStream file, long longest)
{
    private const int MostFailures = 5; // one after the other, and nothing new between

    private long _received;
    private EntityTagHeaderValue? _version;

    /// <summary>Whether the file has bytes of more than one answer.</summary>
    public bool IsPieced { get; private set; }

    /// <param name="pause">Between the first failure and the next try; after the next failure twice as long.</param>
    /// <param name="report">Is told how many bytes there are, and of how many if the server says so.</param>
    /// <param name="cancellationToken">What is there then stays.</param>
    /// <exception cref="HttpRequestException">It cannot be fetched, or not now.</exception>
    /// <exception cref="InvalidDataException">What comes is not the file.</exception>
    public async Task RunAsync(TimeSpan pause, Action<long, long?> report, CancellationToken cancellationToken)
    {
        var (most, failures) = (0L, 0);
        while (true)
        {
            _received = 0;
            try
            {
                if (await ReceiveAsync(report, cancellationToken).ConfigureAwait(false))
                    return;
            }
            catch (HttpRequestException e)
            {
                // A server that begins anew each time and breaks off at the same place makes no progress.
                if (_received > 0 && file.Length > most)
                    (most, failures) = (file.Length, 0);
                if (!IsWorthATry(e.StatusCode, most) || ++failures >= MostFailures)
                    throw;
                await Task.Delay(pause * (1 << (failures - 1)), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A connection that was there may come back, and a busy server answer later. Where there is none from the start, nobody is to wait for it.</summary>
    private static bool IsWorthATry(HttpStatusCode? status, long most) =>
        status is null ? most > 0 : status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    /// <returns>Whether the file has its end. Otherwise it is empty, and the next try asks for all of it.</returns>
    private async Task<bool> ReceiveAsync(Action<long, long?> report, CancellationToken cancellationToken)
    {
        if (file.Length > longest)
            file.SetLength(0); // whatever it is
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        var start = file.Length;
        if (start > 0)
        {
            request.Headers.Range = new RangeHeaderValue(start, null);
            request.Headers.IfRange = _version is null ? null : new RangeConditionHeaderValue(_version);
        }
        using var response = await WaitAsync(token => client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token), cancellationToken).ConfigureAwait(false);

        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && start > 0)
            return IsPieced = true; // there is no more
        if (!response.IsSuccessStatusCode)
            throw new HttpRequestException($"the server answers {(int)response.StatusCode} ({response.StatusCode}).", null, response.StatusCode);
        if (response.Content.Headers.ContentType?.MediaType is { } type && type.Equals("text/html", StringComparison.OrdinalIgnoreCase))
            throw new InvalidDataException("expected a file with weights, got a page of HTML, as a proxy or a login page answers.");

        var part = response.StatusCode == HttpStatusCode.PartialContent ? response.Content.Headers.ContentRange ?? new(0) : null;
        if (part is not null && (start == 0 || part.From != start))
        {
            if (start == 0)
                throw new HttpRequestException("the server answers with a part of the file, expected all of it.");
            file.SetLength(0);
            return false;
        }
        var length = part is null ? response.Content.Headers.ContentLength : part.Length;
        if (length > longest)
            throw new InvalidDataException($"expected at most {longest} bytes, got {length}.");
        IsPieced = part is not null;
        if (!IsPieced)
        {
            file.SetLength(0);
            _version = response.Headers.ETag is { IsWeak: false } version ? version : null;
        }
        await CopyAsync(response.Content, length, report, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async Task CopyAsync(HttpContent content, long? length, Action<long, long?> report, CancellationToken cancellationToken)
    {
        var body = await WaitAsync(content.ReadAsStreamAsync, cancellationToken).ConfigureAwait(false);
        var buffer = new byte[1 << 17];
        file.Position = file.Length;
        while (await WaitAsync(token => body.ReadAsync(buffer, token).AsTask(), cancellationToken).ConfigureAwait(false) is > 0 and var count)
        {
            if (file.Position + count > (length ?? longest))
            {
                file.SetLength(0);
                throw new InvalidDataException($"expected at most {length ?? longest} bytes, got more.");
            }
            await file.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
            _received += count;
            report(file.Position, length);
        }
        if (file.Position < length)
            throw new HttpRequestException($"the answer ended after {file.Position} of {length} bytes.");
    }

    /// <summary>A call to the network, for as long as the client's timeout allows. What breaks it is a <see cref="HttpRequestException"/>; other ones are about the file.</summary>
    private async Task<T> WaitAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(client.Timeout);
        try
        {
            return await call(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new HttpRequestException($"nothing came for {client.Timeout.TotalSeconds:0.#} s.", e);
        }
        catch (Exception e) when (e is FormatException or ArgumentException) // HttpClient's, of an address to which the server redirects
        {
            throw new HttpRequestException($"the server redirects to what is no address: {e.Message}", e);
        }
        catch (IOException e) // how the stream of an answer says that the connection broke
        {
            throw new HttpRequestException(e.Message, e);
        }
    }
}
