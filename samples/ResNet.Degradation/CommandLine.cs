using System.CommandLine;

namespace ResNet.Degradation;

/// <summary>The command-line options, their defaults and their valid values.</summary>
internal static class CommandLine
{
    public static RootCommand Create(Func<Settings, int> run)
    {
        var networks = Options.CreateText("--networks", "names", "names of networks", $"The networks to train, in this order, separated by commas [default: {Variant.FormatNames(Variant.All)}]");
        var data = Options.CreateText("--data", "dir", "a folder", "Folder with the four files of Fashion-MNIST, gzipped or not [default: the subset that comes with this program]");
        var epochs = Options.CreateWhole("--epochs", 1, 10_000, "Number of passes through the training images, for each network", byDefault: 10);
        var batchSize = Options.CreateWhole("--batch-size", 2, 4096, "Images per training step", byDefault: 32);
        var learningRate = Options.CreateNumber("--lr", Limit.AboveZero, "Peak learning rate; the schedule divides it by 10 twice", byDefault: 0.01);
        var size = Options.CreateNumber("--size", new Limit<int>($"{IdxSet.Side} or {IdxSet.Side / 2}", value => value is IdxSet.Side or IdxSet.Side / 2),
            $"Height and width of the images: {IdxSet.Side} as stored, {IdxSet.Side / 2} for the mean of each 2x2 pixels", byDefault: IdxSet.Side / 2);
        var seeds = Options.CreateWhole("--seeds", 1, 1000, "Number of repetitions, with the seeds 1, 2, ...", byDefault: 1);
        var device = Options.CreateDevice();
        var output = Options.CreateOutput();

        var command = new RootCommand("Trains plain and residual networks of 20 and 56 layers with one recipe and compares their errors.")
        {
            networks, data, epochs, batchSize, learningRate, size, seeds, device, output,
        };
        command.SetAction(result => run(new Settings(
            result.GetValue(networks) is { } names ? Variant.Parse(names) : Variant.All,
            Options.FindData(result, data),
            result.GetValue(epochs)!.Value,
            result.GetValue(batchSize)!.Value,
            result.GetValue(learningRate)!.Value,
            result.GetValue(size)!.Value,
            result.GetValue(seeds)!.Value,
            result.GetValue(device)!,
            Options.FindFolder(result, output))));
        return command;
    }
}
