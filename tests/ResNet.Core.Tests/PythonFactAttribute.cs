namespace ResNet.Core.Tests;

/// <summary>A test that runs the system's Python; skipped where it cannot import what the test is about.</summary>
/// <param name="modules">As <c>import</c> takes them, with commas between them.</param>
/// <param name="packages">Debian's packages that bring them.</param>
[AttributeUsage(AttributeTargets.Method)]
public abstract class PythonFactAttribute(string modules, string packages) : FactAttribute
{
    public override string? Skip
    {
        get => Python.Can($"import {modules}") ? null : $"{Python.Interpreter} cannot import {modules}: apt-get install {packages}";
        set => throw new NotSupportedException();
    }
}
