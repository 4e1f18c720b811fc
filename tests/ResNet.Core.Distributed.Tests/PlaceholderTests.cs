namespace ResNet.Core.Distributed.Tests;
public class PlaceholderTests { [Fact] public void One_process_without_a_launcher() { using var group = ProcessGroup.Init(); Assert.Equal(1, group.WorldSize); } }
