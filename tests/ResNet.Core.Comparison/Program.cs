using ResNet.Core.Comparison;

// Without arguments, prints everything for the README's table. With arguments, does one part of it, as a child process.
switch (args)
{
    case []:
        Table.Print();
        return 0;
    case ["load", var loader, var path]:
        Loader.All.Single(other => other.Name == loader).Try(path);
        return 0;
    case ["loop", var network]:
        Loop.Run(network);
        return 0;
    default:
        Console.Error.WriteLine("Expected no arguments.");
        return 1;
}
