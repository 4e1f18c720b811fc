using ResNet.Core.Comparison;

// Without arguments: everything, as the README's table has it. With arguments: one thing, for which it starts itself.
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
