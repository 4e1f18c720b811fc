namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>An MPI that takes SIGSEGV for itself would end the process here.</summary>
internal static class NullReference
{
    public static int Run()
    {
        using var group = ProcessGroup.Init();
        for (var time = 0; time < 3; time++)
        {
            try
            {
                string? nothing = group.WorldSize > 0 ? null : "";
                Report.Value(group, "length", nothing!.Length);
            }
            catch (NullReferenceException)
            {
                Report.Value(group, $"caught-{time}", true);
            }
            group.Barrier();
        }
        return 0;
    }
}
