using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ResNet.Core.Tests.Pretrained;

/// <summary>A request that a <see cref="WebServer"/> received.</summary>
/// <param name="Number">1 for the first request.</param>
/// <param name="Path">Begins with a slash.</param>
/// <param name="From">The first byte of the requested range; null without a range.</param>
/// <param name="IfRange">The ETag that the range depends on, if any.</param>
internal sealed record WebRequest(int Number, string Path, int? From, string? IfRange = null);

/// <summary>A response of a <see cref="WebServer"/>, correct or not.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Body">The content, and the source of the default Content-Length.</param>
internal sealed record WebResponse(int Status, byte[] Body)
{
    /// <summary>Header lines; null for a correct Content-Length.</summary>
    public string? Head { get; init; }

    /// <summary>The connection is closed after this many bytes of the body.</summary>
    public int? CutAfter { get; init; }

    /// <summary>The connection goes silent instead of closing.</summary>
    public bool Stalls { get; init; }

    /// <summary>The response of a correct server.</summary>
    public static WebResponse Create(byte[] content, WebRequest request) => request.From switch
    {
        null => new(200, content),
        var from when from >= content.Length => new(416, []),
        { } from => new(206, content[from..]) { Head = CreateRangeHead(content, from) },
    };

    public static string CreateRangeHead(byte[] content, int from) => $"Content-Length: {content.Length - from}\r\nContent-Range: bytes {from}-{content.Length - 1}/{content.Length}\r\n";
}

/// <summary>A local server that sends the responses of a test and records the requests.</summary>
internal sealed class WebServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentQueue<WebRequest> _requests = [];

    public WebServer(Func<WebRequest, WebResponse> respond)
    {
        _listener.Start();
        _ = ServeAsync(respond);
    }

    public IReadOnlyList<WebRequest> Requests => [.. _requests];

    public Uri this[string file] => new($"http://{_listener.LocalEndpoint}/{file}");

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
    }

    private async Task ServeAsync(Func<WebRequest, WebResponse> respond)
    {
        while (true)
            _ = RespondAsync(await _listener.AcceptTcpClientAsync(_end.Token), respond);
    }

    private async Task RespondAsync(TcpClient connection, Func<WebRequest, WebResponse> respond)
    {
        using var _ = connection;
        var stream = connection.GetStream();
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        var path = (await reader.ReadLineAsync(_end.Token))!.Split(' ')[1];
        var (from, version) = (default(int?), default(string));
        while (await reader.ReadLineAsync(_end.Token) is { Length: > 0 } line)
            if (line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
                from = int.Parse(line.Split('=', '-')[1], CultureInfo.InvariantCulture);
            else if (line.StartsWith("If-Range: ", StringComparison.OrdinalIgnoreCase))
                version = line["If-Range: ".Length..];

        WebRequest request;
        lock (_requests)
            _requests.Enqueue(request = new(_requests.Count + 1, path, from, version));
        var response = respond(request);
        var head = $"HTTP/1.1 {response.Status} Words\r\n{response.Head ?? $"Content-Length: {response.Body.Length}\r\n"}Connection: close\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), _end.Token);
        await stream.WriteAsync(response.Body.AsMemory(0, response.CutAfter ?? response.Body.Length), _end.Token);
        if (response.Stalls)
            await Task.Delay(Timeout.Infinite, _end.Token);
    }
}
