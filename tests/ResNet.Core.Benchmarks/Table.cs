namespace ResNet.Core.Benchmarks;

/// <summary>What is measured: every row in every engine.</summary>
internal abstract class Table
{
    public static Table[] All { get; } = [new Inference(), new TrainingStep(), new StepParts(), new Precisions(), new WeightsFiles()];

    public static Table Named(string name) => All.Single(table => table.Name == name);

    /// <summary>On the command line, and in Python.</summary>
    public abstract string Name { get; }

    /// <summary>Of the section in the document.</summary>
    public abstract string Title { get; }

    /// <summary>What one iteration does, and how to read the table.</summary>
    public abstract string About { get; }

    public abstract string[] Rows { get; }

    /// <summary>Those of this program; Python's come after them.</summary>
    public abstract string[] Engines { get; }

    /// <summary>The engine that the others are a share of.</summary>
    public abstract string Baseline { get; }

    /// <summary>The baseline in a sentence.</summary>
    public virtual string Share => Baseline;

    public virtual bool HasPython => true;

    public virtual bool HasMemory => false;

    /// <summary>In the engine's own process, whose current folder is the working folder.</summary>
    /// <returns>One iteration; null if the engine has no such row.</returns>
    public abstract Action? Prepare(string row, string engine);
}
