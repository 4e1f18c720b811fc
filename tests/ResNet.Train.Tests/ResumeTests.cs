using System.Text.Json;
using ResNet.Core;
using Xunit.Abstractions;
using static ResNet.Tests.SampleProgram;
using static TorchSharp.torch;

namespace ResNet.Train.Tests;

public sealed class ResumeTests : IDisposable
{
    private readonly ITestOutputHelper _log;
    private readonly TempFolder _data = new(), _out = new();

    public ResumeTests(ITestOutputHelper log)
    {
        _log = log;
        Idx.WriteSet(_data);
    }

    public void Dispose()
    {
        _data.Dispose();
        _out.Dispose();
    }

    private string[] CreateArguments(string folder, int epochs = 6) => ["train", "--data", _data.Path, "--out", _out[folder], "--epochs", $"{epochs}", "--batch-size", "16", "--device", "cpu", "--ema", "0.9", "--precision", "bf16", "--channels-last"];

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_training_that_is_killed_at_any_moment_resumes_to_the_same_weights()
    {
        Assert.Equal(0, Run(CreateArguments("whole")).Code);

        // First while the second epoch's files are written, then at a random moment after the first line or an epoch.
        var random = new Random(1);
        string[] after = ["epoch 2/", "epoch ", "ResNet-18 ", "epoch ", "ResNet-18 ", "epoch "];
        for (var kill = 0; kill < after.Length; kill++)
        {
            using var program = Start(kill == 0 ? CreateArguments("killed") : ["resume", _out["killed"]]);
            while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith(after[kill], StringComparison.Ordinal)) { }
            Thread.Sleep(random.Next(400));
            program.Kill();
            program.WaitForExit();
        }
        var (code, output, error) = Run("resume", _out["killed"]);

        _log.WriteLine(output);
        Assert.Contains("resumed after ", output, StringComparison.Ordinal);
        Assert.Equal((0, ""), (code, error));
        foreach (var file in new[] { "model.pth", "model.safetensors" })
            Assert.True(File.ReadAllBytes(_out[$"whole/{file}"]).AsSpan().SequenceEqual(File.ReadAllBytes(_out[$"killed/{file}"])), file);
    }

    [SignalFact(2), Trait(Category.Name, Category.Slow)]
    public void After_Ctrl_C_it_resumes_with_the_next_epoch()
    {
        using (var program = Start(CreateArguments("run", 3)))
        {
            while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("epoch 1/3", StringComparison.Ordinal)) { }
            Signal.Send("INT", program.Id);
            Assert.Contains($"to continue       resume {_out["run"]}", program.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
            program.WaitForExit();
            Assert.Equal(130, program.ExitCode);
        }

        var (code, output, _) = Run("resume", _out["run"]);
        Assert.Equal(0, code);
        Assert.Contains("resumed after 1 epoch", output, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch 1/3", output, StringComparison.Ordinal);
        Assert.Contains("epoch 2/3", output, StringComparison.Ordinal);
        Assert.Contains("epoch 3/3", output, StringComparison.Ordinal);
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Resuming_a_complete_training_evaluates_it_and_changes_nothing()
    {
        var first = Run(CreateArguments("run", 1));
        var weights = File.ReadAllBytes(_out["run/model.pth"]);
        var again = Run("resume", _out["run"]);

        Assert.Equal((0, ""), (again.Code, again.Error));
        Assert.DoesNotContain("epoch 1/1", again.Output, StringComparison.Ordinal);
        Assert.Equal(FindAccuracy(first.Output), FindAccuracy(again.Output));
        Assert.True(weights.AsSpan().SequenceEqual(File.ReadAllBytes(_out["run/model.pth"])));

        static string FindAccuracy(string output) => output.Split('\n').Single(line => line.StartsWith("test accuracy", StringComparison.Ordinal)).Split(',')[0];
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_new_training_does_not_keep_the_old_checkpoint_in_its_folder()
    {
        Assert.Equal(0, Run(CreateArguments("run", 1)).Code);
        var path = _out["run/checkpoint.safetensors"];
        var before = File.ReadAllBytes(path);
        using var program = Start([.. CreateArguments("run", 10), "--seed", "2"]);
        while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("ResNet-18 on ", StringComparison.Ordinal)) { }
        Assert.False(File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(before));
        program.Kill();
        program.WaitForExit();
    }

    [Fact]
    public void The_checkpoint_has_the_momentum_and_the_epochs()
    {
        using var scope = NewDisposeScope();
        using var state = new TrainingState(new ResNet18(10), epochs: 1);
        using var learner = new Learner(state.Model, Recipe.Digits with { WeightDecay = 0 }, Precision.Fp32, CPU);
        var epoch = new Epoch(1, 0.5, 0.75, 0.625, 0.25, 100);
        state.GiveMomentumTo(learner.Optimizer);
        learner.Step(new Batch(randn(4, 3, 16, 16), arange(4)), 0.01);
        state.Add(epoch);
        Checkpoint.Save(state, _out["checkpoint.safetensors"]);

        using var loaded = new TrainingState(new ResNet18(10), epochs: 1);
        Checkpoint.Load(loaded, _out["checkpoint.safetensors"]);

        // After the first step, the momentum is the gradient.
        Assert.Equal(0, Network.ComputeDistance(state.Model.parameters().Select(parameter => parameter.grad!), state.Model.named_parameters().Select(entry => loaded.state_dict()[$"momentum.{entry.name}"])));
        Assert.Equal(epoch, Assert.Single(loaded.Epochs));
    }

    /// <summary>Without the scale and the count of good steps, a float16 training would resume differently.</summary>
    [Fact, Trait(Category.Name, Category.Slow)]
    public void A_resumed_float16_training_keeps_its_loss_scale()
    {
        // Few and small images: processors without float16 instructions take a second per step.
        Idx.WriteSet(_data, training: 22, test: 1);
        string[] CreateFloat16Arguments(string folder) => ["--data", _data.Path, "--out", _out[folder], "--epochs", "2", "--batch-size", "32", "--size", "16", "--device", "cpu", "--precision", "fp16", "--channels-last"];
        var (code, output, error) = Run(CreateFloat16Arguments("whole"));
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("--precision Fp16 is for GPUs", output, StringComparison.Ordinal);

        using (var program = Start(CreateFloat16Arguments("killed")))
        {
            while (program.StandardOutput.ReadLine() is { } line && !line.StartsWith("epoch 1/2", StringComparison.Ordinal)) { }
            while (!File.Exists(_out["killed/metrics.csv"])) // written after the checkpoint
                Thread.Sleep(10);
            program.Kill();
            program.WaitForExit();
        }
        Assert.Contains("resumed after 1 epoch", Run("resume", _out["killed"]).Output, StringComparison.Ordinal);

        using var scope = NewDisposeScope();
        Assert.Equal(ReadScaling("whole"), ReadScaling("killed"));
        Assert.NotEqual([65536, 0], ReadScaling("whole")); // the initial state
        Assert.True(File.ReadAllBytes(_out["whole/model.pth"]).AsSpan().SequenceEqual(File.ReadAllBytes(_out["killed/model.pth"])));

        double[] ReadScaling(string folder)
        {
            using var state = new TrainingState(new ResNet18(10), epochs: 2, scaled: true);
            Checkpoint.Load(state, _out[$"{folder}/checkpoint.safetensors"]);
            return state.state_dict()["loss_scaling"].data<double>().ToArray();
        }
    }

    [Fact]
    public void The_saved_state_of_a_scaler_is_given_to_the_next_one()
    {
        using var scope = NewDisposeScope();
        using var state = new TrainingState(new ResNet18(10), epochs: 2, scaled: true);
        var (first, second, third) = (new GradScaler(), new GradScaler(), new GradScaler());
        first.load_state_dict(new Dictionary<string, double> { ["scale"] = 128, ["_growth_tracker"] = 7 });

        state.GiveTo(second); // there is no saved state yet
        Assert.Equal(65536, second.get_scale());
        state.Add(new Epoch(1, 0, 0, 0, 0, 0));
        state.Keep(first);
        state.GiveTo(third);
        Assert.Equal(first.state_dict(), third.state_dict());
    }

    [Fact]
    public void A_folder_without_a_training_is_refused()
    {
        AssertRefused("resume: expected the folder of a training run, got", "resume", _out["nothing"]);
        AssertRefused("resume: expected the folder of a training run, got", "resume", _data.Path);
        AssertRefused("Required argument", "resume");
    }

    [Fact, Trait(Category.Name, Category.Slow)]
    public void Damaged_files_are_refused()
    {
        Assert.Equal(0, Run(CreateArguments("run", 1)).Code);
        var settings = File.ReadAllText(_out["run/settings.json"]);
        foreach (var damaged in new[] { " ", "null", "{}", settings[..20], settings.Replace("\"Seed\": 1", "\"Seed\": \"x\"", StringComparison.Ordinal) })
        {
            File.WriteAllText(_out["run/settings.json"], damaged);
            AssertRefused("settings.json: expected the file that a training wrote", "resume", _out["run"]);
        }

        File.WriteAllText(_out["run/settings.json"], "");
        AssertRefused("settings.json: expected a file with something in it", "resume", _out["run"]);

        File.WriteAllText(_out["run/settings.json"], settings);
        using (var file = File.OpenWrite(_out["run/checkpoint.safetensors"]))
            file.SetLength(file.Length - 1);
        AssertRefused("resume: ", "resume", _out["run"]);

        // The checkpoint of a training with another number of epochs
        File.WriteAllText(_out["run/settings.json"], settings.Replace("\"Epochs\": 1", "\"Epochs\": 2", StringComparison.Ordinal));
        Assert.Equal(2, JsonDocument.Parse(File.ReadAllText(_out["run/settings.json"])).RootElement.GetProperty("Recipe").GetProperty("Epochs").GetInt32());
        AssertRefused("resume: ", "resume", _out["run"]);
    }
}
