using System.Globalization;
using ResNet.Core.Pretrained;
using ResNet.Core.Tests.Weights;

namespace ResNet.Core.Tests.Pretrained;

/// <summary>Concurrent calls for one file download it once: one downloads, the others wait.</summary>
public sealed class SharedCacheTests : IDisposable
{
    private readonly CacheFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    [Fact]
    public async Task Concurrent_tasks_download_once()
    {
        using var server = new WebServer(RespondSlowly);
        var calls = Enumerable.Range(0, 8).Select(_ => Task.Run(() => _cache.DownloadAsync(server))).ToList();
        Assert.All(await Task.WhenAll(calls), path => Assert.Equal(_cache.File, path));
        _cache.AssertWhole();
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Two_processes_download_once()
    {
        using var server = new WebServer(RespondSlowly);
        using var first = ChildProcess.Start("download", CreateArgument(server, _cache));
        using var second = ChildProcess.Start("download", CreateArgument(server, _cache));
        Assert.Equal(_cache.File, await first.StandardOutput.ReadLineAsync());
        Assert.Equal(_cache.File, await second.StandardOutput.ReadLineAsync());
        await Task.WhenAll(first.WaitForExitAsync(), second.WaitForExitAsync());
        _cache.AssertWhole();
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_waiting_call_resumes_the_download_of_a_killed_process()
    {
        using var stalled = new WebServer(request => new(200, _cache.Content) { CutAfter = 1000, Stalls = true });
        using var child = ChildProcess.Start("download", CreateArgument(stalled, _cache));
        while (!File.Exists(_cache.Partial) || new FileInfo(_cache.Partial).Length < 1000)
            await Task.Delay(10);
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        var waiting = _cache.DownloadAsync(server);
        await Task.Delay(300);
        Assert.False(waiting.IsCompleted);
        Assert.Empty(server.Requests);

        child.Kill();
        await waiting;
        _cache.AssertWhole();
        Assert.Equal(1000, Assert.Single(server.Requests).From);
    }

    [Fact]
    public async Task Waiting_for_another_download_can_be_canceled()
    {
        using var cancel = new CancellationTokenSource();
        using var stalled = new WebServer(request => new(200, _cache.Content) { CutAfter = 1000, Stalls = true });
        var first = _cache.DownloadAsync(stalled, cancellationToken: cancel.Token);
        while (stalled.Requests.Count == 0)
            await Task.Delay(10);
        using (var soon = new CancellationTokenSource(200))
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _cache.DownloadAsync(stalled, cancellationToken: soon.Token));
        Assert.Single(stalled.Requests);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
    }

    [Fact]
    public async Task A_call_waits_for_a_locked_file()
    {
        Directory.CreateDirectory(_cache.Folder);
        await File.WriteAllBytesAsync(_cache.File, _cache.Content);
        using var server = new WebServer(request => WebResponse.Create(_cache.Content, request));
        Task<string> waiting;
        using (File.Open(_cache.File, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            waiting = _cache.DownloadAsync(server);
            await Task.Delay(200);
            Assert.False(waiting.IsCompleted);
        }
        Assert.Equal(_cache.File, await waiting);
        Assert.Empty(server.Requests);
    }

    /// <summary>Python, a user or another machine may have put it there.</summary>
    [Fact]
    public async Task A_file_that_appears_during_the_download_is_kept()
    {
        using var server = new WebServer(request =>
        {
            File.WriteAllBytes(_cache.File, _cache.Content);
            File.SetLastWriteTimeUtc(_cache.File, DateTime.UnixEpoch);
            return WebResponse.Create(_cache.Content, request);
        });
        await _cache.DownloadAsync(server);
        _cache.AssertWhole();
        Assert.Equal(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(_cache.File));
    }

    [Fact]
    public async Task A_wrong_file_that_appears_during_the_download_is_reported_and_kept()
    {
        using var server = new WebServer(request =>
        {
            File.WriteAllText(_cache.File, "mine");
            return WebResponse.Create(_cache.Content, request);
        });
        await Assert.ThrowsAsync<InvalidDataException>(() => _cache.DownloadAsync(server));
        Assert.Equal("mine", await File.ReadAllTextAsync(_cache.File));
    }

    /// <summary>Runs in the other process.</summary>
    internal static async Task<string> DownloadAsync(string argument)
    {
        var parts = argument.Split('|');
        try
        {
            return await new Download(new HttpClient(), new(parts[0]), parts[1], parts[2], long.Parse(parts[3], CultureInfo.InvariantCulture)).RunAsync(null, default);
        }
        catch (Exception e)
        {
            return $"{e.GetType()}: {e.Message}";
        }
    }

    internal static string CreateArgument(WebServer server, CacheFolder cache) => $"{server["net.pth"]}|{cache.File}|{cache.Sha256}|{cache.Content.Length}";

    private WebResponse RespondSlowly(WebRequest request)
    {
        Thread.Sleep(1000);
        return WebResponse.Create(_cache.Content, request);
    }
}
