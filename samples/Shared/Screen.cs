using Spectre.Console;

namespace ResNet.Samples;

/// <summary>The program's output: lines with a progress bar on a terminal, lines only in a file or pipe.</summary>
public sealed class Screen
{
    // Spectre.Console's own detection writes control codes into the logs of some CI systems.
    private readonly bool _live = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities is { Ansi: true, Interactive: true };
    private ProgressTask? _bar;

    public void WriteLine(string text)
    {
        // Spectre.Console writes above the bar. Without a bar, it would only wrap long paths.
        if (_bar is not null)
            AnsiConsole.WriteLine(VisibleText.Escape(text));
        else
            Console.WriteLine(text);
    }

    /// <summary>Shows a progress bar while <paramref name="work"/> runs, with its lines above the bar.</summary>
    public void RunWithBar(int steps, Action work)
    {
        if (!_live)
        {
            work();
            return;
        }

        try
        {
            AnsiConsole.Progress()
                .AutoClear(true)
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = 20 }, new PercentageColumn(), new RemainingTimeColumn())
                .Start(context =>
                {
                    _bar = context.AddTask("starting", maxValue: steps);
                    work();
                });
        }
        finally
        {
            _bar = null;
        }
    }

    /// <summary>Advances the bar. Any thread may call it.</summary>
    public void Advance(string status, int steps = 1)
    {
        if (_bar is not { } bar) return;
        lock (bar)
        {
            bar.Description = Markup.Escape(VisibleText.Escape(status));
            bar.Increment(steps);
        }
    }
}
