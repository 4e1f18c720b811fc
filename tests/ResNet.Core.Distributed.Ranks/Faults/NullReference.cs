namespace ResNet.Core.Distributed.Ranks.Faults;

/// <summary>Throws and catches NullReferenceExceptions. An MPI that handles SIGSEGV itself would end the process here.</summary>
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
                Report.Write(group, "length", nothing!.Length);
            }
            catch (NullReferenceException)
            {
                Report.Write(group, $"caught-{time}", true);
            }
            group.Barrier();
        }
        return 0;
    }
}
