using System.Diagnostics;
using System.Text;

namespace ResNet.Core.Tests;

/// <summary>A script that answers each line with one line. It keeps running between questions, because starting Python with PyTorch takes seconds.</summary>
internal sealed class PythonConversation : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    public PythonConversation(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
                _errors.AppendLine(line.Data);
        };
        _process.BeginErrorReadLine();
    }

    /// <summary>Sends a line and returns the script's answer. The test fails if the script ends instead.</summary>
    public async Task<string> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        if (await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience) is { } answer)
            return answer;

        await _process.WaitForExitAsync().WaitAsync(Patience); // waits until all errors are read
        lock (_errors)
            Assert.Fail($"Python ended with {_process.ExitCode} when it was asked '{line}':\n{_errors}");
        throw new UnreachableException();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
