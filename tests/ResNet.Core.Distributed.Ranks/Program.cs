using ResNet.Core.Distributed;

using var group = ProcessGroup.Init();
Console.WriteLine($"rank {group.Rank} of {group.WorldSize}");
