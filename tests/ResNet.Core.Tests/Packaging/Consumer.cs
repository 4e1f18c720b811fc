namespace ResNet.Core.Tests.Packaging;

/// <summary>A user's console project, which has the package and not the repository, built for this machine's platform.</summary>
public sealed class Consumer
{
    public Consumer(BuildTools tools)
    {
        Folder = Directory.CreateDirectory(Path.Combine(tools.Root, "consumer")).FullName;
        Write("NuGet.config", $"""
            <configuration>
              <packageSources>
                <add key="the package under test" value="{tools.Feed}" />
              </packageSources>
            </configuration>
            """);
        // NU1603: a mirror of nuget.org may have dropped the oldest versions of what TorchSharp depends on.
        Write("Consumer.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <UseCurrentRuntimeIdentifier>true</UseCurrentRuntimeIdentifier>
                <SelfContained>false</SelfContained>
                <NoWarn>NU1603</NoWarn>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="ResNet.Core" Version="{tools.Version}" />
                <PackageReference Include="TorchSharp-cpu" Version="0.107.0" />
              </ItemGroup>
            </Project>
            """);
        Write("Program.cs", """
            using System;
            using System.Globalization;
            using ResNet.Core;
            using static TorchSharp.torch;

            manual_seed(1);
            using var model = new ResNet18(num_classes: 4, Stem.Conv3);
            using var optimizer = optim.SGD(model.parameters(), learningRate: 0.01);
            using var images = randn(8, 3, 16, 16);
            using var labels = arange(8).remainder(4);
            for (var step = 0; step < 4; step++)
            {
                using var scope = NewDisposeScope();
                optimizer.zero_grad();
                var loss = nn.functional.cross_entropy(model.call(images), labels);
                loss.backward();
                optimizer.step();
                Console.WriteLine(loss.item<float>().ToString(CultureInfo.InvariantCulture));
            }
            """);
        Build();
    }

    public string Folder { get; }

    internal ChildResult Build() => Dotnet("build", "--configuration", "Release").AssertSucceeded();

    internal ChildResult Dotnet(params string[] arguments) => Tool.Dotnet(Folder, arguments);

    /// <summary>Finds the only file of that name under a folder of the project.</summary>
    public string Find(string folder, string name) =>
        Assert.Single(Directory.EnumerateFiles(Path.Combine(Folder, folder), name, SearchOption.AllDirectories));

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(Folder, file), text);
}
