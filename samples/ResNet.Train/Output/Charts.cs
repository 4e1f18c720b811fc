using ScottPlot;
using ScottPlot.MultiplotLayouts;

namespace ResNet.Train;

/// <summary>Draws the charts of a training run.</summary>
internal static class Charts
{
    /// <summary>Draws loss and accuracy over the epochs, as a PNG.</summary>
    public static byte[] DrawLearningCurves(IReadOnlyList<Epoch> epochs)
    {
        var multiplot = new Multiplot { Layout = new Columns() };
        multiplot.AddPlots(2);
        DrawCurves(multiplot.GetPlot(0), "Loss", epochs, e => e.TrainingLoss, e => e.ValidationLoss);
        DrawCurves(multiplot.GetPlot(1), "Accuracy", epochs, e => e.TrainingAccuracy, e => e.ValidationAccuracy);
        return multiplot.Render(1200, 500).GetImageBytes();
    }

    /// <summary>Draws the confusion matrix, as a PNG.</summary>
    public static byte[] DrawConfusion(Evaluation evaluation, IReadOnlyList<string> classes, string figure = "test")
    {
        var plot = new Plot();
        var (confusion, count) = (evaluation.Confusion, classes.Count);
        var shares = new double[count, count];
        for (var row = 0; row < count; row++)
        {
            var total = Math.Max(1, Enumerable.Range(0, count).Sum(column => confusion[row, column]));
            for (var column = 0; column < count; column++)
            {
                shares[row, column] = (double)confusion[row, column] / total;
                if (confusion[row, column] == 0) continue;

                var text = plot.Add.Text($"{confusion[row, column]}", column, count - 1 - row);
                text.Alignment = Alignment.MiddleCenter;
                text.LabelFontColor = shares[row, column] > 0.5 ? Colors.White : Colors.Black;
                text.LabelFontSize = 14;
            }
        }

        var heatmap = plot.Add.Heatmap(shares);
        heatmap.Colormap = new ScottPlot.Colormaps.Blues().Reversed();
        heatmap.ManualRange = new ScottPlot.Range(0, 1);
        plot.MoveToBack(heatmap);

        var positions = Enumerable.Range(0, count).Select(i => (double)i).ToArray();
        plot.Axes.Bottom.SetTicks(positions, [.. classes.Select(VisibleText.Escape)]);
        plot.Axes.Left.SetTicks(positions, [.. classes.Reverse().Select(VisibleText.Escape)]);
        plot.Axes.Bottom.TickLabelStyle.Rotation = -45;
        plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleRight;
        plot.Axes.Bottom.MinimumSize = 80;
        plot.Axes.SetLimits(-0.5, count - 0.5, -0.5, count - 0.5);
        plot.HideGrid();
        plot.Title($"{char.ToUpperInvariant(figure[0])}{figure[1..]} accuracy {evaluation.Accuracy:0.000} ({evaluation.Correct} of {evaluation.Count} images)");
        plot.XLabel("predicted class");
        plot.YLabel("true class");
        return plot.GetImage(900, 900).GetImageBytes();
    }

    /// <summary>Draws the loss over the learning rate, as a PNG.</summary>
    public static byte[] DrawSweep(IReadOnlyList<SweepStep> sweep, double suggestion)
    {
        var plot = new Plot();
        var line = plot.Add.Scatter(sweep.Select(step => Math.Log10(step.LearningRate)).ToArray(), sweep.Select(step => step.Loss).ToArray());
        line.MarkerSize = 0;
        line.LineWidth = 2;
        plot.Add.VerticalLine(Math.Log10(suggestion), 2, Colors.Red, LinePattern.Dashed).LegendText = Digits.FormatRate(suggestion);
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic
        {
            IntegerTicksOnly = true,
            LabelFormatter = exponent => $"1e{exponent:0}",
        };
        plot.XLabel("learning rate");
        plot.YLabel("loss, mean of the last steps");
        plot.ShowLegend(Alignment.UpperLeft);
        return plot.GetImage(900, 500).GetImageBytes();
    }

    private static void DrawCurves(Plot plot, string name, IReadOnlyList<Epoch> epochs, Func<Epoch, double> training, Func<Epoch, double> validation)
    {
        var numbers = epochs.Select(e => e.Number).ToArray();
        plot.Add.Scatter(numbers, epochs.Select(training).ToArray()).LegendText = "training, augmented";
        plot.Add.Scatter(numbers, epochs.Select(validation).ToArray()).LegendText = "validation";
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { IntegerTicksOnly = true };
        plot.Title(name);
        plot.XLabel("epoch");
        plot.ShowLegend(name == "Loss" ? Alignment.UpperRight : Alignment.LowerRight);
    }
}
