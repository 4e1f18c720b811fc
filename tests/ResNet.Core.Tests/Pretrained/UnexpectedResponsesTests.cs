using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using ResNet.Core.Tests.Weights;

namespace ResNet.Core.Tests.Pretrained;

/// <summary>Whatever a server sends, only the published file gets the name, and the message says what to do.</summary>
public sealed class UnexpectedResponsesTests : IDisposable
{
    private readonly CacheFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    [Theory]
    [InlineData(401, 1)]
    [InlineData(403, 1)]
    [InlineData(404, 1)]
    [InlineData(407, 1)]
    [InlineData(416, 1)]
    [InlineData(429, 5)]
    [InlineData(500, 5)]
    public async Task An_error_status_is_reported_with_URL_path_and_status(int status, int requests)
    {
        using var server = new WebServer(request => new(status, []));
        var e = await AssertFailsAsync(server);
        Assert.Equal((HttpStatusCode)status, e.StatusCode);
        Assert.Contains($"the server responded with {status} ({(HttpStatusCode)status}). You can", e.Message, StringComparison.Ordinal);
        Assert.Equal(requests, server.Requests.Count);
        _cache.AssertEmpty();
    }

    [Fact]
    public async Task A_refused_connection_is_reported()
    {
        using var server = new WebServer(request => throw new InvalidOperationException());
        server.Dispose();
        Assert.IsType<SocketException>((await AssertFailsAsync(server)).InnerException!.InnerException);
        _cache.AssertEmpty();
    }

    /// <summary>The bytes of an earlier call do not count as progress.</summary>
    [Fact]
    public async Task A_failure_without_progress_is_reported_without_a_retry()
    {
        _cache.WritePartial(_cache.Content[..1000]);
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request) with { CutAfter = 0 });
        await AssertFailsAsync(server);
        Assert.Single(server.Requests);
        _cache.AssertBeginning(1000);
    }

    [Fact]
    public async Task An_unknown_host_is_reported()
    {
        var weights = PretrainedWeights.ResNet18_ImageNet1K_V1 with { Url = new("http://nowhere.invalid/net.pth"), CachePath = _cache.File };
        var e = await Assert.ThrowsAsync<HttpRequestException>(() => weights.DownloadAsync());
        Assert.Contains($"http://nowhere.invalid/net.pth: cannot be downloaded to {_cache.File}: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silent_server_is_reported()
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromMilliseconds(200) };
        using var server = new WebServer(request => new(200, _cache.Content) { CutAfter = 0, Stalls = true });
        Assert.Contains("no data arrived for 0.2 s", (await AssertFailsAsync(server, client)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_and_always_breaks_off_is_given_up()
    {
        using var server = new WebServer(request => new(200, _cache.Content) { CutAfter = 1000 });
        await AssertFailsAsync(server);
        Assert.Equal(5, server.Requests.Count);
        _cache.AssertBeginning(1000);
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_restarts_the_download()
    {
        using var server = new WebServer(request => new WebResponse(200, _cache.Content) with { CutAfter = request.Number == 1 ? 1000 : null });
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
    }

    [Theory]
    [InlineData("Content-Range: bytes 0-599999/600000\r\n")]
    [InlineData("Content-Range: bytes 1001-599999/600000\r\n")]
    [InlineData("Content-Range: bytes */600000\r\n")]
    [InlineData("Content-Range: nonsense\r\n")]
    [InlineData("")]
    public async Task A_range_that_was_not_requested_is_discarded(string range)
    {
        _cache.WritePartial(_cache.Content[..1000]);
        using var server = new WebServer(request => request.From is { } from ? new(206, _cache.Content[from..]) { Head = $"Content-Length: {600_000 - from}\r\n{range}" } : new(200, _cache.Content));
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Equal([1000, null], server.Requests.Select(request => request.From));
    }

    [Fact]
    public async Task A_partial_response_to_a_full_request_is_refused()
    {
        using var server = new WebServer(request => new(206, _cache.Content) { Head = WebResponse.CreateRangeHead(_cache.Content, 0) });
        Assert.Contains("the server sent a part of the file", (await AssertFailsAsync(server)).Message, StringComparison.Ordinal);
        Assert.Single(server.Requests);
    }

    /// <summary>A server may send less than the requested range.</summary>
    [Fact]
    public async Task Short_ranges_are_joined()
    {
        using var server = new WebServer(request => request.From is not { } from ? new(200, _cache.Content) { CutAfter = 100_000 }
            : new(206, _cache.Content[from..(from + 100_000)]) { Head = $"Content-Length: 100000\r\nContent-Range: bytes {from}-{from + 99_999}/600000\r\n" });
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Equal(6, server.Requests.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_body_without_a_length_is_read_and_its_truncation_is_detected(bool chunked)
    {
        var body = chunked ? CreateChunks(_cache.Content) : _cache.Content;
        var head = chunked ? "Transfer-Encoding: chunked\r\n" : "";
        using (var server = new WebServer(request => new(200, body) { Head = head, CutAfter = 1000 }))
            if (chunked)
                await AssertFailsAsync(server);
            else
                await AssertRefusedAsync(server, "got 1000 bytes"); // nothing marks this end as premature
        using (var server = new WebServer(request => new(200, body) { Head = head }))
            await _cache.DownloadAsync(server);
        _cache.AssertWhole();
    }

    [Theory]
    [InlineData("Content-Type: text/html; charset=utf-8\r\n", "an HTML page", 1000)]
    [InlineData("Content-Type: application/octet-stream\r\n", "got 33 bytes with SHA-256 ", 0)]
    public async Task A_proxys_login_page_is_refused(string type, string message, int left)
    {
        _cache.WritePartial(_cache.Content[..1000]);
        var page = "<html><body>Log in!</body></html>"u8.ToArray();
        using var server = new WebServer(request => new(200, page) { Head = $"{type}Content-Length: {page.Length}\r\n" });
        await AssertRefusedAsync(server, message);
        if (left > 0)
            _cache.AssertBeginning(left);
        else
            _cache.AssertEmpty();
    }

    [Fact]
    public async Task Wrong_content_is_discarded_and_reported_with_both_hashes()
    {
        var other = new byte[1000];
        using var server = new WebServer(request => WebResponse.Create(other, request));
        await AssertRefusedAsync(server, $"expected a file whose SHA-256 begins with {_cache.Sha256[..8]}, got 1000 bytes with SHA-256 {CacheFolder.ComputeSha256(other)}.");
        _cache.AssertEmpty();
        Assert.Single(server.Requests);
    }

    /// <summary>The partial file does not match the rest, so all is downloaded once more, but not endlessly.</summary>
    [Fact]
    public async Task Wrong_content_is_downloaded_again_only_once()
    {
        var other = new byte[_cache.Content.Length];
        _cache.WritePartial(_cache.Content[..1000]);
        using var server = new WebServer(request => WebResponse.Create(other, request));
        await AssertRefusedAsync(server, "got 600000 bytes");
        Assert.Equal([1000, null], server.Requests.Select(request => request.From));
    }

    [Fact]
    public async Task Wrong_content_in_pieces_is_downloaded_again_only_once()
    {
        var other = new byte[_cache.Content.Length];
        using var server = new WebServer(request => WebResponse.Create(other, request) with { CutAfter = request.From is null ? 1000 : null });
        await AssertRefusedAsync(server, "got 600000 bytes");
        Assert.Equal([null, 1000, null, 1000], server.Requests.Select(request => request.From));
    }

    [Theory]
    [InlineData("Content-Length: 2000000\r\n", "got 2000000")]
    [InlineData("", "got more")]
    public async Task An_oversized_body_is_cut_off(string head, string message)
    {
        using var server = new WebServer(request => new(200, new byte[2_000_000]) { Head = head });
        await AssertRefusedAsync(server, $"expected at most {600_000 + 150_000 + (1 << 20)} bytes, {message}");
        _cache.AssertEmpty();
    }

    [Fact]
    public async Task A_range_longer_than_announced_is_cut_off()
    {
        _cache.WritePartial(_cache.Content[..1000]);
        using var server = new WebServer(request => new(206, new byte[800_000]) { Head = "Content-Range: bytes 1000-599999/600000\r\n" });
        await AssertRefusedAsync(server, "expected at most 600000 bytes, got more");
    }

    [Fact]
    public async Task A_wrong_file_in_the_cache_is_reported_and_kept()
    {
        Directory.CreateDirectory(_cache.Folder);
        await File.WriteAllTextAsync(_cache.File, "mine");
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        var e = await Assert.ThrowsAsync<InvalidDataException>(() => _cache.DownloadAsync(server));
        Assert.StartsWith($"{_cache.File}: is damaged or a different file: expected a SHA-256 that begins with {_cache.Sha256[..8]}, got {CacheFolder.ComputeSha256("mine"u8.ToArray())}. Delete the file", e.Message, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(_cache.File));
        Assert.Empty(server.Requests);
    }

    [Theory]
    [InlineData("about:blank")]
    [InlineData("//")]
    [InlineData("file://h/x")]
    public async Task A_redirect_to_an_invalid_URL_is_reported(string location)
    {
        using var server = new WebServer(_ => new(302, []) { Head = $"Content-Length: 0\r\nLocation: {location}\r\n" });
        var problem = await Assert.ThrowsAsync<HttpRequestException>(() => _cache.DownloadAsync(server));
        Assert.StartsWith($"{server["net.pth"]}: cannot be downloaded to {_cache.File}: ", problem.Message, StringComparison.Ordinal);
    }

    [LinuxFact]
    public async Task A_dangling_link_in_place_of_the_file_is_reported()
    {
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        Directory.CreateDirectory(_cache.Folder);
        File.CreateSymbolicLink(_cache.File, Path.Combine(_cache.Folder, "nowhere", "net.pth"));
        var problem = await Assert.ThrowsAnyAsync<IOException>(() => _cache.DownloadAsync(server).WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.StartsWith(_cache.File, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_oversized_partial_file_is_discarded()
    {
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        _cache.WritePartial(new byte[4_000_000]);
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Equal([null], server.Requests.Select(request => request.From));
    }

    [Fact]
    public async Task A_folder_in_place_of_the_file_is_reported()
    {
        Directory.CreateDirectory(_cache.File);
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        Assert.Contains(_cache.File, (await Assert.ThrowsAsync<UnauthorizedAccessException>(() => _cache.DownloadAsync(server))).Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_file_in_place_of_the_folder_is_reported()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_cache.Folder)!);
        await File.WriteAllTextAsync(_cache.Folder, "");
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        Assert.StartsWith($"{_cache.File}: cannot be written: ", (await Assert.ThrowsAnyAsync<IOException>(() => _cache.DownloadAsync(server))).Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    /// <summary>Not even root may write to /sys.</summary>
    [LinuxFact]
    public async Task A_read_only_folder_is_reported()
    {
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        var weights = PretrainedWeights.ResNet18_ImageNet1K_V1 with { Url = server["net.pth"], CachePath = "/sys/net.pth" };
        var e = await Assert.ThrowsAnyAsync<Exception>(() => weights.DownloadAsync());
        Assert.True(e is UnauthorizedAccessException or IOException, $"{e}");
        Assert.StartsWith("/sys/net.pth: cannot be written: ", e.Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    /// <summary>As on a full disk. The bytes that fit stay.</summary>
    [LinuxFact]
    public async Task A_download_beyond_the_file_size_limit_is_reported()
    {
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        var start = new ProcessStartInfo("/bin/sh", ["-c", "ulimit -f 1000; exec \"$@\"", "sh", DotnetHost.Path, typeof(ChildProcess).Assembly.Location, "download", SharedCacheTests.CreateArgument(server, _cache)])
        {
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_EnableWriteXorExecute"] = "0" }, // it needs a large file
        };
        using var child = Process.Start(start)!;
        Assert.StartsWith($"System.IO.IOException: {_cache.File}: cannot be written: it exceeds the file size limit: ", await child.StandardOutput.ReadToEndAsync(), StringComparison.Ordinal);
        _cache.AssertBeginning((int)new FileInfo(_cache.Partial).Length);
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.InRange(server.Requests[1].From!.Value, 1, 512_000);
    }

    [LinuxFact]
    public async Task A_link_in_place_of_the_partial_file_is_not_followed()
    {
        Directory.CreateDirectory(_cache.Folder);
        var victim = Path.Combine(_cache.Folder, "victim");
        await File.WriteAllTextAsync(victim, "mine");
        File.CreateSymbolicLink(_cache.Partial, victim);
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        Assert.Contains(_cache.Partial, (await Assert.ThrowsAsync<IOException>(() => _cache.DownloadAsync(server))).Message, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(victim));
        Assert.Empty(server.Requests);
    }

    /// <summary>As for checkpoints on another disk.</summary>
    [LinuxFact]
    public async Task A_link_in_place_of_the_file_stays_a_link()
    {
        Directory.CreateDirectory(_cache.Folder);
        var elsewhere = Directory.CreateDirectory(Path.Combine(_cache.Folder, "elsewhere")).FullName;
        File.CreateSymbolicLink(_cache.File, Path.Combine(elsewhere, "there.pth"));
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        await _cache.DownloadAsync(server);
        Assert.Equal(_cache.Sha256, CacheFolder.ComputeSha256(await File.ReadAllBytesAsync(_cache.File)));
        Assert.Equal(_cache.Content.Length, new FileInfo(Path.Combine(elsewhere, "there.pth")).Length);
        Assert.Single(Directory.GetFileSystemEntries(elsewhere));
    }

    private async Task<HttpRequestException> AssertFailsAsync(WebServer server, HttpClient? client = null)
    {
        var e = await Assert.ThrowsAsync<HttpRequestException>(() => _cache.DownloadAsync(server, client));
        Assert.StartsWith($"{server["net.pth"]}: cannot be downloaded to {_cache.File}: ", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("put it there.", e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.InnerException);
        Assert.False(Path.Exists(_cache.File));
        return e;
    }

    private async Task AssertRefusedAsync(WebServer server, string message)
    {
        var e = await Assert.ThrowsAsync<InvalidDataException>(() => _cache.DownloadAsync(server));
        Assert.StartsWith($"{server["net.pth"]}: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
        Assert.False(Path.Exists(_cache.File));
    }

    private static byte[] CreateChunks(byte[] content) => [.. System.Text.Encoding.ASCII.GetBytes($"{content.Length:x}\r\n"), .. content, .. "\r\n0\r\n\r\n"u8];
}
