using System.Globalization;
using static TorchSharp.torch;

namespace ResNet.Samples;

public static class Devices
{
    /// <exception cref="UserException">The device does not exist, or libtorch does not load.</exception>
    public static Device Find(string name)
    {
        Libtorch.Load();
        var gpus = cuda.is_available() ? cuda.device_count() : 0;
        if (name == "auto")
            name = gpus > 0 ? "cuda" : "cpu";

        if (name == "cpu")
            return CPU;

        var number = name == "cuda" ? "0" : name.StartsWith("cuda:", StringComparison.Ordinal) ? name[5..] : "";
        if (!ushort.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            throw new UserException($"--device: expected auto, cpu, cuda or cuda:N, got '{name}'");
        if (index >= gpus)
            throw Libtorch.CreateNoGpu(name, gpus);
        return device($"cuda:{index}");
    }
}
