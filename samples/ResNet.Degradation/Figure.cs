using ScottPlot;
using ScottPlot.MultiplotLayouts;

namespace ResNet.Degradation;

/// <summary>The paper's Figure 6: plain networks on the left, residual ones on the right, training error thin and dashed, test error bold.</summary>
internal static class Figure
{
    private static readonly Color Shallow = Color.FromHex("#E08A00"), Deep = Color.FromHex("#B01030");

    /// <returns>A PNG.</returns>
    public static byte[] Draw(IReadOnlyCollection<Epoch> epochs)
    {
        var multiplot = new Multiplot { Layout = new Columns() };
        multiplot.AddPlots(2);
        var (last, top) = (epochs.Max(epoch => epoch.Number), FindTop(epochs));
        foreach (var kind in Enum.GetValues<Kind>())
        {
            var plot = multiplot.GetPlot((int)kind);
            foreach (var variant in Variant.All.Where(variant => variant.Kind == kind))
                Draw(plot, variant, [.. epochs.Where(epoch => epoch.Variant == variant)]);
            plot.Title(kind == Kind.Plain ? "plain" : "residual");
            plot.XLabel("epoch");
            plot.YLabel("error (%)");
            plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
            plot.Axes.SetLimits(0.5, last + 0.5, 0, top);
            plot.ShowLegend(Alignment.UpperRight);
        }
        return multiplot.Render(1200, 500).GetImageBytes();
    }

    /// <summary>The top of both error axes, so that the plots compare. As in the paper, the axis cuts off the steep start of the curves.</summary>
    internal static double FindTop(IReadOnlyCollection<Epoch> epochs)
    {
        var last = epochs.Max(epoch => epoch.Number);
        var later = epochs.Where(epoch => 3 * epoch.Number >= last);
        return 10 * Math.Ceiling(Math.Max(1, 1.1 * later.Max(epoch => Math.Max(epoch.TrainingError, epoch.TestError))) / 10);
    }

    private static void Draw(Plot plot, Variant variant, Epoch[] epochs)
    {
        // The mean over the seeds that reached the epoch
        var means = epochs.GroupBy(epoch => epoch.Number).OrderBy(group => group.Key)
            .Select(group => (Number: (double)group.Key, Training: group.Average(e => e.TrainingError), Test: group.Average(e => e.TestError))).ToArray();
        if (means.Length == 0) return;

        var color = variant.Layers == Variant.All.Min(v => v.Layers) ? Shallow : Deep;
        AddLine(means.Select(mean => mean.Training), "training", 1.5f, LinePattern.Dashed);
        AddLine(means.Select(mean => mean.Test), "test", 3.5f, LinePattern.Solid);

        void AddLine(IEnumerable<double> errors, string part, float width, LinePattern pattern)
        {
            var line = plot.Add.Scatter(means.Select(mean => mean.Number).ToArray(), errors.ToArray(), color);
            line.LegendText = $"{variant.Name}, {part}";
            line.LineWidth = width;
            line.LinePattern = pattern;
            line.MarkerSize = means.Length == 1 ? 6 : 0;
        }
    }
}
