namespace ResNet.Core.Tests;

/// <summary>A test that runs the system's Python; skipped where that cannot import the test's modules.</summary>
/// <param name="modules">The modules, separated by commas as <c>import</c> takes them.</param>
/// <param name="packages">The Debian packages that contain them.</param>
[AttributeUsage(AttributeTargets.Method)]
public abstract class PythonFactAttribute(string modules, string packages) : FactAttribute
{
    public override string? Skip
    {
        get => Python.Can($"import {modules}") ? null : $"{Python.Interpreter} cannot import {modules}: apt-get install {packages}";
        set => throw new NotSupportedException();
    }
}
