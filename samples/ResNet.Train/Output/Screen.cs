using Spectre.Console;

namespace ResNet.Train;

/// <summary>Where the program speaks to the user: a terminal, with a progress bar, or a file or pipe, with plain lines alone.</summary>
internal sealed class Screen
{
    // Not by Spectre.Console's own judgement: on some CI systems it sends control codes into the log.
    private readonly bool _live = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities is { Ansi: true, Interactive: true };
    private ProgressTask? _bar;

    public void Line(string text)
    {
        // Spectre.Console puts it above the bar. Otherwise it would only break a long path.
        if (_bar is not null)
            AnsiConsole.WriteLine(VisibleText.Of(text));
        else
            Console.WriteLine(text);
    }

    /// <summary>Shows a bar while <paramref name="work"/> runs, and above it the lines that it writes.</summary>
    public void WithBar(int steps, Action work)
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

    /// <summary>Steps of the bar are done, on whatever thread.</summary>
    public void Step(string status, int steps = 1)
    {
        if (_bar is not { } bar) return;
        lock (bar)
        {
            bar.Description = Markup.Escape(VisibleText.Of(status));
            bar.Increment(steps);
        }
    }
}
