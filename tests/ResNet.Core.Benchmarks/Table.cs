namespace ResNet.Core.Benchmarks;

/// <summary>A benchmark: every row is measured in every engine.</summary>
internal abstract class Table
{
    public static Table[] All { get; } = [new Inference(), new TrainingStep(), new StepParts(), new Precisions(), new WeightsFiles()];

    public static Table Find(string name) => All.Single(table => table.Name == name);

    /// <summary>The name on the command line and in Python.</summary>
    public abstract string Name { get; }

    /// <summary>The title of the section in the document.</summary>
    public abstract string Title { get; }

    /// <summary>What one iteration does, and how to read the table.</summary>
    public abstract string About { get; }

    public abstract string[] Rows { get; }

    /// <summary>The engines of this program. Those of Python follow after them.</summary>
    public abstract string[] Engines { get; }

    /// <summary>The engine that the ratios are relative to.</summary>
    public abstract string Baseline { get; }

    /// <summary>The baseline's name within a sentence.</summary>
    public virtual string Share => Baseline;

    public virtual bool HasPython => true;

    public virtual bool HasMemory => false;

    /// <summary>Prepares a row in the engine's own process, which runs in the working folder.</summary>
    /// <returns>One iteration; null if the engine does not have this row.</returns>
    public abstract Action? Prepare(string row, string engine);
}
