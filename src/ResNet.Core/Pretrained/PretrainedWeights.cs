using System.Runtime.CompilerServices;
using ResNet.Core.Family;
using ResNet.Core.Pretrained;

namespace ResNet.Core;

/// <summary>A published file of trained weights for one of this library's networks, and the preprocessing of its images.</summary>
/// <remarks>
/// <para>The files are torchvision's, trained on ImageNet-1k, from PyTorch's server. They are cached in the folder of Python's <c>torch.hub</c>, so that each is
/// downloaded once for both. <see cref="Checkpoint.Load"/> loads them into the network that <see cref="Network"/> and <see cref="Stem"/> name, and refuses any
/// other network.</para>
/// <para>Images are preprocessed as in torchvision: resize the shorter side to <see cref="ResizeSize"/> (bilinear with antialiasing), crop the central square of
/// <see cref="CropSize"/>, scale to [0, 1], subtract <see cref="Mean"/> and divide by <see cref="StandardDeviation"/>.</para>
/// </remarks>
public sealed partial record PretrainedWeights
{
    private PretrainedWeights(string network, string fileName, long numParameters, double top1Accuracy, double top5Accuracy, int resizeSize = 256, [CallerMemberName] string name = "")
    {
        (Name, Network, FileName, NumParameters) = (name, network, fileName, numParameters);
        (Top1Accuracy, Top5Accuracy, ResizeSize) = (top1Accuracy, top5Accuracy, resizeSize);
        Url = new Uri(Publisher + fileName);
        Sha256Prefix = Path.GetFileNameWithoutExtension(fileName).Split('-')[^1]; // the convention of torch.hub
    }

    /// <summary>The name of the property with these weights, such as <c>ResNet50_ImageNet1K_V2</c>.</summary>
    public string Name { get; }

    /// <summary>The class of the network, such as <c>ResNet50</c>.</summary>
    public string Network { get; }

    /// <summary>The stem of the network.</summary>
    public Stem Stem { get; } = NetworkDescription.Torchvision;

    /// <summary>The number of classes, in ImageNet's order.</summary>
    public int NumClasses { get; } = 1000;

    /// <summary>The number of parameters of the network. The file has about four bytes for each.</summary>
    public long NumParameters { get; }

    /// <summary>The top-1 accuracy on ImageNet's 50,000 validation images in percent, as stated by torchvision.</summary>
    public double Top1Accuracy { get; }

    /// <summary>The top-5 accuracy on ImageNet's 50,000 validation images in percent, as stated by torchvision.</summary>
    public double Top5Accuracy { get; }

    /// <summary>The length of the shorter side after resizing, in pixels.</summary>
    public int ResizeSize { get; }

    /// <summary>Height and width of the central crop, in pixels.</summary>
    public int CropSize { get; } = 224;

    /// <summary>The mean of the red, green and blue channels, on a scale from 0 to 1.</summary>
    public IReadOnlyList<double> Mean { get; } = Array.AsReadOnly([0.485, 0.456, 0.406]);

    /// <summary>The standard deviation of the red, green and blue channels, on a scale from 0 to 1.</summary>
    public IReadOnlyList<double> StandardDeviation { get; } = Array.AsReadOnly([0.229, 0.224, 0.225]);

    /// <summary>The URL of the file. For a mirror, write <c>weights with { Url = … }</c>; the file is verified all the same.</summary>
    /// <exception cref="ArgumentException">The URL does not begin with <c>http://</c> or <c>https://</c>.</exception>
    public Uri Url
    {
        get;
        init => field = value is { IsAbsoluteUri: true, Scheme: "http" or "https" } ? value
            : throw new ArgumentException($"Expected a URL that begins with http:// or https://, got '{value}'.", nameof(value));
    }

    /// <summary>The name of the file in the cache.</summary>
    public string FileName { get; }

    /// <summary>The first hexadecimal digits of the file's SHA-256.</summary>
    public string Sha256Prefix { get; internal init; }

    /// <summary>
    /// The path of the file in the cache: in <c>hub/checkpoints</c> under <c>$TORCH_HOME</c>, or else under <c>$XDG_CACHE_HOME/torch</c>, or else under
    /// <c>~/.cache/torch</c>, on every system.
    /// </summary>
    /// <exception cref="NotSupportedException">One of the variables refers to another user's home folder in the form <c>~name</c>.</exception>
    public string CachePath
    {
        get => field ?? Path.Combine(TorchHub.GetCheckpointsFolder(Environment.GetEnvironmentVariable), FileName);
        internal init;
    }

    /// <summary>Downloads the file unless it is cached, and verifies it. <see cref="CachePath"/> never holds an incomplete file.</summary>
    /// <remarks>
    /// <para>If the call fails, is canceled or is killed, the downloaded part stays next to that path (<c>resnet-core-….partial</c>), and the next call continues
    /// with it. If the connection breaks or the server is busy, the download is retried after 1, 2, 4 and 8 seconds, and longer as long as it makes progress. If
    /// several tasks or processes call the method, one downloads and the others wait.</para>
    /// <para>A cached file is read to verify its hash, without any connection. On a machine without network access, just put the file at that path.</para>
    /// </remarks>
    /// <param name="client">
    /// The HTTP client, for example for a proxy with a password or for additional headers; if null, a new one with the system's proxy. Its
    /// <see cref="HttpClient.Timeout"/>, one minute for a new client, limits the time without data, not the whole download.
    /// </param>
    /// <param name="progress">Receives the downloaded fraction, from 0 to 1. It never decreases, and ends with 1.</param>
    /// <param name="cancellationToken">Cancels the download or the wait for another one.</param>
    /// <returns>The path of the file, for <see cref="Checkpoint.Load"/>.</returns>
    /// <exception cref="HttpRequestException">
    /// There is no network, the server cannot be found, refuses the request or does not have the file, or the connection broke too often. The message contains the
    /// URL, the path and how to download the file by hand.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The server sent something else, such as a proxy's login page, which was discarded; or <see cref="CachePath"/> holds another file, which was left alone.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written: the disk is full, or its folder cannot be created.</exception>
    /// <exception cref="UnauthorizedAccessException">The process may not write to the folder, or the path is a folder.</exception>
    /// <exception cref="NotSupportedException"><see cref="CachePath"/> cannot be determined.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was canceled.</exception>
    public async Task<string> DownloadAsync(HttpClient? client = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        using var own = client is null ? new HttpClient { Timeout = TimeSpan.FromMinutes(1) } : null;
        var download = new Download(client ?? own!, Url, CachePath, Sha256Prefix, sizeof(float) * NumParameters);
        return await download.RunAsync(progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Returns <see cref="Name"/>.</summary>
    public override string ToString() => Name;
}
