using System.IO.Compression;
using System.Text;
using TorchSharp;

namespace ResNet.Core.Tests.Weights;

/// <summary>Files that people mistake for weights. The message says in one line what the file is, and what to do.</summary>
public sealed class OtherFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void AssertRecognized(byte[] file, params string[] message) => AssertFileRecognized(_folder.Write("weights.pth", file), message);

    private static void AssertFileRecognized(string path, params string[] message)
    {
        Hostile.AssertRefused(path, message);
        using var block = new BasicBlock(3, 4, stride: 2);
        var problem = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(block, path)).Message;
        Assert.DoesNotContain('\n', problem);
        Assert.DoesNotContain(", path)", problem, StringComparison.Ordinal); // the advice would overwrite the file
    }

    private void AssertRecognized(string text, string kind, string advice) => AssertRecognized(Encoding.UTF8.GetBytes(text), kind, "expected weights written by torch.save or safetensors", advice);

    [Theory]
    [InlineData("refused_whole_model.pth", "is a whole pickled model (class resnet.BasicBlock), expected its state_dict", "torch.save(torch.load(path, weights_only=False).state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_whole_model_protocol4.pth", "(class torch.nn.modules.container.Sequential)", ".state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_whole_model_in_dict.pth", "holds a whole pickled model (class resnet.BasicBlock) under 'model'", "torch.save(torch.load(path, weights_only=False)[\"model\"].state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_tensor.pth", "holds a tensor, expected a state_dict", "torch.save(model.state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_torchscript.pt", "is a TorchScript program of torch.jit.save", "torch.save(torch.jit.load(path).state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_traced.pt", "is a TorchScript program of torch.jit.save", "torch.save(torch.jit.load(path).state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_lite.ptl", "is a TorchScript program of torch.jit.save", "torch.save(torch.jit.load(path).state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_package.pt", "is a package of torch.package", "torch.package.PackageImporter")]
    [InlineData("refused_model.onnx", "is an ONNX model, which loads into a module with exactly one ResidualNetwork, got one with none", "torch.save(model.state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_arrays.npz", "is an archive of NumPy arrays", "torch.save(model.state_dict(), \"state_dict.pth\")")]
    [InlineData("refused_whole_model_legacy.pth", "is a whole pickled model (class resnet.BasicBlock), expected its state_dict", "torch.save(torch.load(path, weights_only=False).state_dict(), \"state_dict.pth\")")]
    public void Other_files_of_PyTorch_and_NumPy_are_recognized(string file, params string[] message) => AssertFileRecognized(WeightsFixture.Find(file), message);

    [Fact]
    public void Text_files_are_recognized()
    {
        AssertRecognized("<!DOCTYPE html><html>404</html>", "is an HTML page", "download the file itself");
        AssertRecognized("\uFEFF\r\n  <HTML lang=\"en\">", "is an HTML page", "download the file itself");
        AssertRecognized("<!-- größe --><html>", "is an HTML page", "download the file itself");
        AssertRecognized("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "is XML or HTML text", "download the file itself");
        AssertRecognized("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 46830571\n", "is a Git LFS pointer", "git lfs pull");
        AssertRecognized("""{"error":"Repository not found"}""", """is JSON text, such as a server's error message, starting with '{"error":"Repository not found"}'""", "download the file itself");
        AssertRecognized("""[1,2,3, {"a":1}]""", "is JSON text", "download the file itself"); // its ninth byte is the first of a safetensors header
        AssertRecognized("""{"cells": [{"cell_type": "code"}], "nbformat": 4}""", "is a Jupyter notebook", "torch.save");
        AssertRecognized("""{"metadata": {"total_size": 1}, "weight_map": {"a": "b"}}""", "is the index of weights split over several files", "load the files that it names");
        AssertRecognized("Not Found", "is text starting with 'Not Found'", "fetch the file again");
        AssertRecognized("lr: 0.1\nmodel: resnet18\n" + new string('ö', 300), "is text starting with 'lr: 0.1", "fetch the file again");
    }

    [Fact]
    public void Other_formats_are_recognized()
    {
        AssertRecognized([], "is empty", "fetch the file again");
        AssertRecognized(new byte[1000], "zero bytes", "fetch the file again");
        AssertRecognized([0x80, 4, 0x95, 0, 0], "is a pickle that torch.save did not write", "torch.save(state_dict, \"state_dict.pth\")");
        AssertRecognized([.. new byte[257], .. "ustar\0"u8, .. new byte[300]], "is a tar archive", "torch.save(torch.load(path, map_location=\"cpu\"), \"converted.pth\")");
        AssertRecognized([0x89, .. "HDF\r\n\u001a\n"u8, .. new byte[50]], "is an HDF5 file", "torch.save");
        AssertRecognized([0x93, .. "NUMPY"u8, 1, 0], "is a NumPy array", "torch.save");
        AssertRecognized([.. "GGUF"u8, 3, 0, 0, 0], "is a GGUF file", "safetensors");
        AssertRecognized([0x1f, 0x8b, 8, 0, 0], "is compressed with gzip", "unpack it first");
        AssertRecognized([.. "BZh91AY"u8], "is compressed with bzip2", "unpack it first");
        AssertRecognized([0xfd, .. "7zXZ"u8, 0], "is compressed with xz", "unpack it first");
        AssertRecognized([0x28, 0xb5, 0x2f, 0xfd, 4], "is compressed with Zstandard", "unpack it first");
        AssertRecognized([0x1c, 0, 0, 0, .. "TFL3"u8], "is a TensorFlow Lite model", "torch.save");
        AssertRecognized([1], "starts with the bytes 01", "torch.save");
    }

    [Fact]
    public void Files_of_TorchSharps_save_are_recognized()
    {
        using var block = new BasicBlock(3, 4, stride: 2);
        block.save(_folder["block.dat"]);
        AssertFileRecognized(_folder["block.dat"], "is a file of TorchSharp's Module.save", "module.load(path)");
        using var large = torch.nn.Sequential(Enumerable.Range(0, 200).Select(torch.nn.Module<torch.Tensor, torch.Tensor> (_) => torch.nn.Linear(1, 1)));
        large.save(_folder["large.dat"]);
        AssertFileRecognized(_folder["large.dat"], "is a file of TorchSharp's Module.save", "module.load(path)");
    }

    [Fact]
    public void Archives_are_recognized()
    {
        AssertRecognized(Zip.Create(), "is a zip archive without entries", "fetch the file again");
        AssertRecognized(Zip.Create(("resnet18.pth", new byte[9]), ("README.md", [])), "is a zip archive with the files resnet18.pth, README.md and without data.pkl", "unpack it and load one of its files");
        AssertRecognized(Zip.Create(("config.json", []), ("model.weights.h5", [])), "is a Keras model", "torch.save");

        var weights = File.ReadAllBytes(WeightsFixture.Find("protocol2.pth"));
        AssertRecognized(weights[..^1], "is a truncated zip archive", "the download or copy was cut off", "fetch it again");
        AssertRecognized(weights[..40], "is a truncated zip archive", "fetch it again");
        var safetensors = File.ReadAllBytes(WeightsFixture.Find("block.safetensors"));
        AssertRecognized(safetensors[..^1], "bytes of data, as its header says, got", "fetch it again");

        using (var archive = ZipFile.OpenRead(WeightsFixture.Find("protocol2.pth")))
            AssertRecognized(Zip.Create(compressed: archive.Entries[0].FullName, [.. archive.Entries.Select(entry => (entry.FullName, Zip.Read(WeightsFixture.Find("protocol2.pth"), entry.FullName)))]), "that is compressed", "zip -0");
    }
}
