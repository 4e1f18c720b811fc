using ResNet.Core.Tests.Weights;
using static TorchSharp.torch;

namespace ResNet.Core.Tests.Files;

/// <summary>A save removes the temporary file of an earlier killed save, and nothing else.</summary>
public sealed class AbandonedFileTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly nn.Module _module = nn.Linear(2, 3);

    public void Dispose()
    {
        _module.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_next_save_removes_what_a_killed_save_left()
    {
        LeaveTemporaryFile();
        Save();
        Assert.Equal(["killed.pth", "model.pth"], GetNames());
    }

    [Fact]
    public void A_file_in_use_stays()
    {
        var left = LeaveTemporaryFile();
        using (new FileStream(_folder[left], FileMode.Open, FileAccess.Read, FileShare.Read))
            Save();
        Assert.Contains(left, GetNames());
    }

    [Fact]
    public void A_file_from_another_machine_stays_for_an_hour()
    {
        var left = LeaveTemporaryFile();
        var parts = left.Split('-'); // resnet-core-(machine)-(random).partial
        var other = $"resnet-core-{(parts[2][0] == '0' ? '1' : '0')}{parts[2][1..]}-{parts[3]}";
        File.Move(_folder[left], _folder[other]);
        Save();
        Assert.Contains(other, GetNames());

        File.SetLastWriteTimeUtc(_folder[other], DateTime.UtcNow.AddHours(-2));
        Save();
        Assert.Equal(["killed.pth", "model.pth"], GetNames());
    }

    [Fact]
    public void Files_with_other_names_stay()
    {
        var left = LeaveTemporaryFile();
        var random = left.Split('-')[3].Split('.')[0];
        string[] others = ["resnet-core-mine.partial", "model.pth.partial", left + "x", "x" + left, left.Replace(random, random[1..], StringComparison.Ordinal), left.Replace(random, "G" + random[1..], StringComparison.Ordinal)];
        foreach (var other in others)
            File.Move(_folder.Write("other", []), _folder[other]);
        Save();
        Assert.Equal(others.Append("killed.pth").Append("model.pth").Order(StringComparer.Ordinal), GetNames());
    }

    [LinuxFact]
    public void Links_folders_and_FIFOs_stay_and_are_not_followed()
    {
        var (left, victim) = (LeaveTemporaryFile(), _folder.Write("victim", [1, 2, 3]));
        File.Delete(_folder[left]);
        File.CreateSymbolicLink(_folder[left], victim);
        Directory.CreateDirectory(_folder[WithFirstDigit('0')]);
        Tool.Run(_folder.Path, "mkfifo", WithFirstDigit('1')).AssertSucceeded();
        Save();

        Assert.Equal([1, 2, 3], File.ReadAllBytes(victim));
        Assert.Equal(victim, new FileInfo(_folder[left]).LinkTarget);
        Assert.Equal(6, GetNames().Count());

        string WithFirstDigit(char digit) => $"{left[..21]}{(char)(left[21] == digit ? digit + 5 : digit)}{left[22..]}";
    }

    private void Save() => Checkpoint.Save(_module, _folder["model.pth"]);

    private IEnumerable<string> GetNames() => Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal)!;

    /// <summary>Kills a process while it saves <c>killed.pth</c>.</summary>
    /// <returns>The name of its temporary file.</returns>
    private string LeaveTemporaryFile()
    {
        while (true)
        {
            using var child = ChildProcess.Start("save", _folder["killed.pth"]);
            Assert.Equal("started", child.StandardOutput.ReadLine());
            while (!child.HasExited && Directory.GetFiles(_folder.Path, "*.partial").Length == 0)
            {
            }
            child.Kill();
            child.WaitForExit();
            if (Directory.GetFiles(_folder.Path, "*.partial") is [var left])
                return Path.GetFileName(left);
        }
    }
}
