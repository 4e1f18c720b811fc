using System.Runtime.CompilerServices;
using ResNet.Core.Family;
using ResNet.Core.Pretrained;

namespace ResNet.Core;

/// <summary>A file with trained weights that is published for a network of this library, and how images are prepared for it.</summary>
/// <remarks>
/// <para>The files are torchvision's, trained on ImageNet-1k, and lie on PyTorch's server. They are fetched into the folder where Python's <c>torch.hub</c> looks for them,
/// so each is fetched once for both. <see cref="Checkpoint.Load"/> puts them into the network that <see cref="Network"/> and <see cref="Stem"/> name, and refuses to put them into another one.</para>
/// <para>An image is prepared as torchvision does it: resized, bilinear and with antialiasing, so that its shorter side is <see cref="ResizeSize"/>; a square of
/// <see cref="CropSize"/> cut out of the middle; values from 0 to 1, less <see cref="Mean"/>, divided by <see cref="StandardDeviation"/>.</para>
/// </remarks>
public sealed partial record PretrainedWeights
{
    private PretrainedWeights(string network, string fileName, long numParameters, double top1Accuracy, double top5Accuracy, int resizeSize = 256, [CallerMemberName] string name = "")
    {
        (Name, Network, FileName, NumParameters) = (name, network, fileName, numParameters);
        (Top1Accuracy, Top5Accuracy, ResizeSize) = (top1Accuracy, top5Accuracy, resizeSize);
        Url = new Uri(Publisher + fileName);
        Sha256Prefix = Path.GetFileNameWithoutExtension(fileName).Split('-')[^1]; // as torch.hub has it
    }

    /// <summary>The name of the property that has these weights, such as <c>ResNet50_ImageNet1K_V2</c>.</summary>
    public string Name { get; }

    /// <summary>The class that they are for, such as <c>ResNet50</c>.</summary>
    public string Network { get; }

    /// <summary>The stem that they are for.</summary>
    public Stem Stem { get; } = NetworkDescription.Torchvision;

    /// <summary>Number of classes: the rows of the classifier. Their order is ImageNet's.</summary>
    public int NumClasses { get; } = 1000;

    /// <summary>Number of parameters, all layers together. A file has at most about four bytes for each.</summary>
    public long NumParameters { get; }

    /// <summary>Of what share of ImageNet's 50,000 validation images the first answer is right, in percent, as torchvision states it.</summary>
    public double Top1Accuracy { get; }

    /// <summary>For what share of them the right answer is among the first five, in percent.</summary>
    public double Top5Accuracy { get; }

    /// <summary>Pixels of the shorter side to which images are resized.</summary>
    public int ResizeSize { get; }

    /// <summary>Height and width in pixels of the square that is cut out of the middle.</summary>
    public int CropSize { get; } = 224;

    /// <summary>What is subtracted from the red, green and blue of an image, values from 0 to 1.</summary>
    public IReadOnlyList<double> Mean { get; } = Array.AsReadOnly([0.485, 0.456, 0.406]);

    /// <summary>By what the differences are divided.</summary>
    public IReadOnlyList<double> StandardDeviation { get; } = Array.AsReadOnly([0.229, 0.224, 0.225]);

    /// <summary>Where the file is published. A mirror goes in by <c>weights with { Url = … }</c>: the file is checked all the same.</summary>
    /// <exception cref="ArgumentException">It does not begin with <c>http://</c> or <c>https://</c>.</exception>
    public Uri Url
    {
        get;
        init => field = value is { IsAbsoluteUri: true, Scheme: "http" or "https" } ? value
            : throw new ArgumentException($"Expected an address that begins with http:// or https://, got '{value}'.", nameof(value));
    }

    /// <summary>The file's name in the cache.</summary>
    public string FileName { get; }

    /// <summary>The first hexadecimal digits of the file's SHA-256.</summary>
    public string Sha256Prefix { get; internal init; }

    /// <summary>
    /// Where the file is, or will be: in <c>hub/checkpoints</c> under <c>$TORCH_HOME</c>, else under <c>$XDG_CACHE_HOME/torch</c>, else under <c>~/.cache/torch</c>, on every system.
    /// </summary>
    /// <exception cref="NotSupportedException">One of the variables has another user's home folder in the form <c>~name</c>.</exception>
    public string CachePath
    {
        get => field ?? Path.Combine(TorchHub.Checkpoints(Environment.GetEnvironmentVariable), FileName);
        internal init;
    }

    /// <summary>Fetches the file, unless it is there, and checks it. Under <see cref="CachePath"/> is the whole file or none.</summary>
    /// <remarks>
    /// <para>What was fetched stays beside that path (<c>resnet-core-….partial</c>) when the call fails, is canceled or is killed, and the next call goes on with it. A connection that
    /// breaks off is made anew after 1, 2, 4 and 8 seconds, as long as more and more of the file comes, and so is a request to a server that is busy. Of several tasks and processes one fetches, and
    /// the others wait for it.</para>
    /// <para>A file that is there is read to check its hash, which takes a moment; no connection is made. So on a machine without network it is enough to put the file at that path.</para>
    /// </remarks>
    /// <param name="client">
    /// For a proxy with a password, say, or more headers. By default a new one, with the system's proxy. Its <see cref="HttpClient.Timeout"/>, by default one minute, is how long nothing may come; the whole may take longer.
    /// </param>
    /// <param name="progress">Is told the share that is there, from 0 to 1. It never goes back, and 1 is the end.</param>
    /// <param name="cancellationToken">Ends the fetching or the waiting for another's.</param>
    /// <returns>The path, for <see cref="Checkpoint.Load"/>.</returns>
    /// <exception cref="HttpRequestException">
    /// There is no network, the server cannot be found, refuses or has no such file, or the connection broke off too often. The message has the address, the path and what can be done by hand.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// What came is not the file, such as a proxy's login page, and was thrown away. Or what is under <see cref="CachePath"/> is not: it is left alone.
    /// </exception>
    /// <exception cref="IOException">The file cannot be written: the disk is full, or its folder cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">Its folder may not be written, or its path is that of a folder.</exception>
    /// <exception cref="NotSupportedException"><see cref="CachePath"/> is not known.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was canceled.</exception>
    public async Task<string> DownloadAsync(HttpClient? client = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        using var own = client is null ? new HttpClient { Timeout = TimeSpan.FromMinutes(1) } : null;
        var download = new Download(client ?? own!, Url, CachePath, Sha256Prefix, sizeof(float) * NumParameters);
        return await download.RunAsync(progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
