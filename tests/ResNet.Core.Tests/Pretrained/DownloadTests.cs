using System.Net;

namespace ResNet.Core.Tests.Pretrained;

/// <summary>A file is downloaded completely and once, and a broken connection loses only the bytes in transit.</summary>
public sealed class DownloadTests : IDisposable
{
    private readonly CacheFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    [Fact]
    public async Task A_file_is_downloaded_once_and_progress_goes_from_0_to_1()
    {
        var progress = new ProgressLog();
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        Assert.Equal(_cache.File, await _cache.DownloadAsync(server, progress: progress));
        _cache.AssertWhole();
        progress.AssertRises();

        var again = new ProgressLog();
        Assert.Equal(_cache.File, await _cache.DownloadAsync(server, progress: again));
        Assert.Equal([1.0], again.Values);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_download_resumes_after_each_broken_connection()
    {
        var progress = new ProgressLog();
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request) is { Body.Length: > 60_000 } response ? response with { CutAfter = 60_000 } : WebResponse.Create(_cache.Content, request));
        await _cache.DownloadAsync(server, progress: progress);
        _cache.AssertWhole();
        progress.AssertRises();
        Assert.Equal([null, .. Enumerable.Range(1, 9).Select(part => (int?)(60_000 * part))], server.Requests.Select(request => request.From));
    }

    [Fact]
    public async Task The_next_call_resumes_a_canceled_download()
    {
        using var cancel = new CancellationTokenSource();
        var progress = new ProgressLog(fraction =>
        {
            if (fraction > 0.4)
                cancel.Cancel();
        });
        using (var server = new WebServer(request => new(200, _cache.Content) { CutAfter = 300_000, Stalls = true }))
        {
            var e = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _cache.DownloadAsync(server, progress: progress, cancellationToken: cancel.Token));
            Assert.Equal(cancel.Token, e.CancellationToken);
        }
        var length = (int)new FileInfo(_cache.Partial).Length;
        Assert.InRange(length, 240_000, 300_000);
        _cache.AssertBeginning(length);

        using var next = new WebServer(request => WebResponse.Create(_cache.Content, request));
        await _cache.DownloadAsync(next);
        _cache.AssertWhole();
        Assert.Equal(length, Assert.Single(next.Requests).From);
    }

    [Fact]
    public async Task Cancellation_ends_the_wait_for_a_response()
    {
        using var cancel = new CancellationTokenSource();
        using var server = new WebServer(request =>
        {
            cancel.Cancel();
            return new(200, _cache.Content) { CutAfter = 0, Stalls = true };
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _cache.DownloadAsync(server, cancellationToken: cancel.Token));
        _cache.AssertEmpty();
    }

    [Fact]
    public async Task A_save_into_the_same_folder_leaves_the_partial_file_alone()
    {
        _cache.WritePartial(_cache.Content[..1000]);
        File.SetLastWriteTimeUtc(_cache.Partial, DateTime.UtcNow.AddDays(-1));
        using (var model = TorchSharp.torch.nn.Linear(1, 1))
            Checkpoint.Save(model, Path.Combine(_cache.Folder, "other.pth"));
        _cache.AssertBeginning(1000);
    }

    /// <summary>As after a kill between the last byte and the rename.</summary>
    [Fact]
    public async Task A_complete_partial_file_becomes_the_file()
    {
        _cache.WritePartial(_cache.Content);
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_partial_file_with_other_content_is_replaced_by_a_full_download()
    {
        var progress = new ProgressLog();
        foreach (var other in (byte[][])[new byte[1000], new byte[_cache.Content.Length], new byte[_cache.Content.Length + 1]])
        {
            _cache.WritePartial(other);
            using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
            await _cache.DownloadAsync(server, progress: progress);
            _cache.AssertWhole();
            Assert.Equal([other.Length, null], server.Requests.Select(request => request.From));
            File.Delete(_cache.File);
        }
    }

    [Fact]
    public async Task A_file_that_changes_between_requests_is_downloaded_again()
    {
        var old = new byte[_cache.Content.Length];
        using var server = new WebServer(request => request.Number == 1 ? new(200, old) { CutAfter = 1000 } : WebResponse.Create(_cache.Content, request));
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Equal([null, 1000, null], server.Requests.Select(request => request.From));
    }

    [Fact]
    public async Task A_resumed_download_sends_the_ETag()
    {
        var old = new byte[_cache.Content.Length];
        using var server = new WebServer(request => request switch
        {
            { Number: 1 } => AddVersion("\"1\"", new(200, old)) with { CutAfter = 1000 },
            { IfRange: not null and not "\"2\"" } => AddVersion("\"2\"", new(200, _cache.Content)) with { CutAfter = 60_000 },
            _ => WebResponse.Create(_cache.Content, request),
        });
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Equal([(null, null), (1000, "\"1\""), (60_000, "\"2\"")], server.Requests.Select(request => (request.From, request.IfRange)));

        static WebResponse AddVersion(string name, WebResponse response) => response with { Head = $"Content-Length: {response.Body.Length}\r\nETag: {name}\r\n" };
    }

    [Fact]
    public async Task A_stalled_connection_times_out_and_the_download_resumes()
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromMilliseconds(300) };
        using var server = new WebServer(request => request.Number == 1 ? new(200, _cache.Content) { CutAfter = 1000, Stalls = true } : WebResponse.Create(_cache.Content, request));
        await _cache.DownloadAsync(server, client);
        _cache.AssertWhole();
        Assert.Equal([null, 1000], server.Requests.Select(request => request.From));
    }

    /// <summary>The timeout limits the wait for the next bytes, not the whole download.</summary>
    [Fact]
    public async Task A_slow_connection_may_take_longer_than_the_clients_timeout()
    {
        using var client = new HttpClient(new SlowHandler(_cache.Content, pieces: 10, TimeSpan.FromMilliseconds(100))) { Timeout = TimeSpan.FromMilliseconds(600) };
        using var server = new WebServer(request => throw new InvalidOperationException("The client has its own handler."));
        await _cache.DownloadAsync(server, client);
        _cache.AssertWhole();
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_redirect_is_followed()
    {
        using var server = new WebServer(request => request.Path == "/net.pth" ? new(302, []) { Head = "Location: /elsewhere\r\nContent-Length: 0\r\n" } : WebResponse.Create(_cache.Content, request));
        _cache.WritePartial(_cache.Content[..1000]);
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Equal(new(2, "/elsewhere", 1000), server.Requests[^1]);
    }

    [Fact]
    public async Task A_busy_server_is_retried()
    {
        using var server = new WebServer(request => request.Number < 4 ? new(503, []) : WebResponse.Create(_cache.Content, request));
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Equal(4, server.Requests.Count);
    }

    private sealed class ProgressLog(Action<double>? onReport = null) : IProgress<double>
    {
        public List<double> Values { get; } = [];

        public void Report(double value)
        {
            Values.Add(value);
            onReport?.Invoke(value);
        }

        public void AssertRises()
        {
            Assert.True(Values.Count > 2);
            Assert.Equal(Values.Distinct().Order(), Values);
            Assert.InRange(Values[0], double.Epsilon, 0.9);
            Assert.Equal(1, Values[^1]);
        }
    }

    private sealed class SlowHandler(byte[] content, int pieces, TimeSpan pause) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(new SlowStream(content, content.Length / pieces, pause)) });
    }

    private sealed class SlowStream(byte[] content, int piece, TimeSpan pause) : MemoryStream(content)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(pause, cancellationToken);
            return Read(buffer.Span[..Math.Min(piece, buffer.Length)]);
        }
    }
}
