// Teaches a ResNet-18 that knows ImageNet to tell your photographs apart. One file, made to be copied:
//   dotnet new console --name Mine             Put this file in place of Mine/Program.cs, and in that folder:
//   dotnet add package ResNet.Core             Also TorchSharp-cpu, SkiaSharp and, on Linux, SkiaSharp.NativeAssets.Linux.NoDependencies.
//   dotnet run -c Release -- photographs       A folder with a folder of images for each class: photographs/apple/1.jpg, photographs/pear/1.jpg
// It writes model.pth (for ResNet18 here and torchvision's resnet18) and model.onnx (for ONNX Runtime) to the current folder.
using ResNet.Core;
using SkiaSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

const int BatchSize = 32, ClassifierEpochs = 30, TestEvery = 5;
var epochs = 0;
if (args.Length is 0 or > 3 || (args.Length == 3 && !(int.TryParse(args[2], out epochs) && epochs >= 0)))
{
    Console.Error.WriteLine("Usage: Quickstart PHOTOGRAPHS [WEIGHTS [EPOCHS]], with a folder of images for each class, a ResNet-18's weights (default: torchvision's, downloaded) and epochs of all layers (default: 0)");
    return 1;
}

manual_seed(0);
var device = cuda.is_available() ? CUDA : CPU;
var pretrained = PretrainedWeights.ResNet18_ImageNet1K_V1;
using var mean = tensor(pretrained.Mean.ToArray(), ScalarType.Float32, device).view(3, 1, 1);
using var deviation = tensor(pretrained.StandardDeviation.ToArray(), ScalarType.Float32, device).view(3, 1, 1);
try
{
    // 1. The images. Every fifth is kept for the test, because a network recognizes the images that it learned from. It also recognizes
    //    other photographs of the same object: if yours come in series, the result looks better than it is.
    var (classes, images, labels) = ReadFolder(args[0]);
    using Tensor isTest = arange(labels.shape[0]).remainder(TestEvery).eq(0), isTrain = isTest.logical_not();
    using Tensor train = images[isTrain], trainLabels = labels[isTrain], test = images[isTest], testLabels = labels[isTest];
    images.Dispose(); // the two parts are copies
    Console.WriteLine($"{classes.Length} classes: {string.Join(", ", classes)}; {train.shape[0]} images to train, {test.shape[0]} to test");

    // 2. The network. Every layer starts from the pretrained weights, except the classifier, which has your classes.
    using var model = new ResNet18(classes.Length, pretrained.Stem, device);
    LoadWeights(model, args.Length > 1 ? args[1] : await pretrained.DownloadAsync());
    model.eval();

    // 3. The classifier. The layers before it stay as they are, so each image goes through them once and an epoch takes a moment.
    using var features = Predict(x => model.forward_features(x).mean([2, 3]), train);
    Train(model.fc.parameters(), batch => model.fc.call(features[batch].to(device)), trainLabels, ClassifierEpochs, learningRate: 1e-3);

    // 4. All layers, if EPOCHS asks for it: minutes instead of seconds, and small steps, which keep what the layers know.
    model.train();
    Train(model.parameters(), batch => model.call(Normalize(train[batch])), trainLabels, epochs, learningRate: 1e-4);
    model.eval(); // batch norms use their running statistics, so an answer does not depend on the rest of its batch

    // 5. The test.
    using var logits = Predict(model.call, test);
    var right = logits.argmax(1).eq(testLabels).sum().item<long>();
    Console.WriteLine($"test: {right} of {test.shape[0]} images right, accuracy {(double)right / test.shape[0]:f3}");

    // 6. The files.
    Checkpoint.Save(model, "model.pth", WeightNames.Torchvision);
    OnnxExporter.Export(model, "model.onnx", new OnnxMetadata { Classes = classes, Mean = pretrained.Mean, StandardDeviation = pretrained.StandardDeviation });
    Console.WriteLine("saved model.pth and model.onnx");
    return 0;
}
catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or HttpRequestException)
{
    Console.Error.WriteLine(e.Message); // says which file and why; any other exception is a bug, whose stack trace helps
    return 1;
}

// The training loop. `forward` gives the logits of the images whose numbers are in its batch.
void Train(IEnumerable<Parameter> parameters, Func<Tensor, Tensor> forward, Tensor labels, int epochs, double learningRate)
{
    using var optimizer = optim.Adam(parameters, learningRate);
    for (var epoch = 1; epoch <= epochs; epoch++)
    {
        using var epochScope = NewDisposeScope();
        var sum = 0.0;
        foreach (var batch in randperm(labels.shape[0]).split(BatchSize))
        {
            using var stepScope = NewDisposeScope(); // frees this step's tensors: TorchSharp frees native memory only on request
            optimizer.zero_grad();
            var loss = nn.functional.cross_entropy(forward(batch), labels[batch].to(device));
            loss.backward();
            optimizer.step();
            sum += loss.item<float>() * batch.shape[0];
        }
        Console.WriteLine($"epoch {epoch}/{epochs}: loss {sum / labels.shape[0]:f3}");
    }
}

// The outputs for all images, batch by batch. Without no_grad every layer would keep its input for a backward pass.
Tensor Predict(Func<Tensor, Tensor> forward, Tensor images)
{
    using var _ = no_grad();
    using var scope = NewDisposeScope();
    return cat([.. images.split(BatchSize).Select(PredictBatch)]).MoveToOuterDisposeScope();
    Tensor PredictBatch(Tensor batch)
    {
        using var batchScope = NewDisposeScope();
        return forward(Normalize(batch)).cpu().MoveToOuterDisposeScope();
    }
}

// Images are kept as bytes, in a quarter of the memory. The network takes values from 0 to 1, less ImageNet's mean, divided by its deviation.
Tensor Normalize(Tensor images) => (images.to(device).to(ScalarType.Float32) / 255 - mean) / deviation;

void LoadWeights(ResNet18 model, string path)
{
    var report = Checkpoint.Load(model, path, strict: false); // copies what fits, which a classifier of other classes does not
    var others = report.Missing.Concat(report.Unexpected).Concat(report.Mismatched.Select(mismatch => mismatch.Name)).Except(["fc.weight", "fc.bias"]);
    if (others.Any() || report.StemMismatch is not null)
        throw new InvalidDataException($"{path}: expected the weights of a ResNet-18, got others: {report}");
}

// All images as bytes, shape (N, 3, H, W), and the number of each one's class.
(string[] Classes, Tensor Images, Tensor Labels) ReadFolder(string folder)
{
    string[] classes = [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal).Select(path => Path.GetFileName(path))];
    if (classes.Length < 2)
        throw new InvalidDataException($"{folder}: expected at least two folders, each with the images of a class, got {classes.Length}");
    using var scope = NewDisposeScope();
    List<Tensor> images = [], labels = [];
    for (var label = 0; label < classes.Length; label++)
    {
        var path = Path.Combine(folder, classes[label]);
        byte[][] pixels = [.. Directory.GetFiles(path).Order(StringComparer.Ordinal).AsParallel().AsOrdered().Select(ReadImage).OfType<byte[]>()];
        if (pixels.Length < TestEvery)
            throw new InvalidDataException($"{path}: expected at least {TestEvery} images, one of them for the test, got {pixels.Length}");
        images.AddRange(pixels.Select(image => tensor(image).view(pretrained.CropSize, pretrained.CropSize, 4)[.., .., ..3].permute(2, 0, 1)));
        labels.Add(full(pixels.Length, label, ScalarType.Int64));
    }
    return (classes, stack(images).MoveToOuterDisposeScope(), cat(labels).MoveToOuterDisposeScope());
}

// The pixels as torchvision prepares them for these weights: the shorter side 256 long, and the middle 224 x 224 of that. Null if the file is no image.
byte[]? ReadImage(string path)
{
    using var codec = SKCodec.Create(path);
    using var stored = new SKBitmap();
    if (codec is null || !stored.TryAllocPixels(new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Premul))
        || codec.GetPixels(stored.Info, stored.GetPixels()) != SKCodecResult.Success)
    {
        Console.Error.WriteLine($"{path}: left out, expected a whole JPEG, PNG, WebP, GIF or BMP image");
        return null;
    }
    using var image = SKImage.FromBitmap(stored);
    using var crop = new SKBitmap(pretrained.CropSize, pretrained.CropSize, SKColorType.Rgba8888, SKAlphaType.Opaque);
    using var canvas = new SKCanvas(crop);
    canvas.Clear(SKColors.White); // behind transparent pixels
    canvas.Translate(crop.Width / 2f, crop.Height / 2f);
    canvas.Scale((float)pretrained.ResizeSize / Math.Min(image.Width, image.Height));
    canvas.RotateDegrees(codec.EncodedOrigin switch { SKEncodedOrigin.RightTop => 90, SKEncodedOrigin.BottomRight => 180, SKEncodedOrigin.LeftBottom => 270, _ => 0 }); // as the camera was held
    canvas.DrawImage(image, -image.Width / 2f, -image.Height / 2f, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
    return crop.Bytes;
}
