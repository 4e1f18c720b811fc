namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>Two hosts on one machine: network namespaces, connected by a virtual cable, with their own host names.</summary>
internal sealed class TwoHosts : IDisposable
{
    public const string First = "10.77.0.1", Second = "10.77.0.2", Network = "10.77.0.0/24", Interface = "eth0";

    private readonly string _first, _second;
    private readonly TempFolder _folder = new();

    public TwoHosts()
    {
        var name = Guid.NewGuid().ToString("N")[..8];
        (_first, _second) = ($"resnet-{name}-1", $"resnet-{name}-2");
        try
        {
            RunIp("netns", "add", _first);
            RunIp("netns", "add", _second);
            RunIp("link", "add", Interface, "netns", _first, "type", "veth", "peer", "name", Interface, "netns", _second);
            foreach (var (host, address) in new[] { (_first, First), (_second, Second) })
            {
                RunIp("-n", host, "address", "add", $"{address}/24", "dev", Interface);
                RunIp("-n", host, "link", "set", Interface, "up");
                RunIp("-n", host, "link", "set", "lo", "up");
            }

            // Replaces ssh. Usage: agent host command…
            File.WriteAllText(Agent, $"""
                #!/bin/sh
                host=$1
                shift
                case $host in {First}) host={_first} ;; {Second}) host={_second} ;; *) echo "unknown host $host" >&2; exit 1 ;; esac
                exec unshare --uts -- /bin/sh -c 'hostname "$0"; exec ip netns exec "$0" /bin/sh -c "$1"' "$host" "$*"

                """.ReplaceLineEndings("\n"));
            Child.Run(TimeSpan.FromSeconds(10), "chmod", "+x", Agent).AssertSucceeded();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why this machine cannot create them, or null.</summary>
    public static string? Obstacle { get; } =
        !OperatingSystem.IsLinux() ? "Only Linux has network namespaces."
        : !Environment.IsPrivilegedProcess ? "Creating network namespaces needs root."
        : !CanRun("ip", "-V") ? "ip is not installed: apt-get install iproute2"
        : !CanRun("unshare", "--net", "--uts", "--mount", "true") ? "This container may not create network namespaces."
        : null;

    private string Agent => _folder["agent.sh"];

    /// <summary>The arguments of <c>ip</c> that run a command on the first host.</summary>
    public IReadOnlyList<string> OnFirst => ["netns", "exec", _first];

    /// <summary>Returns the arguments with which a launcher on the first host starts a rank on each host.</summary>
    public IReadOnlyList<string> GetLauncherArguments(MpiKind mpi) => mpi == MpiKind.OpenMpi
        ?
        [
            "-np", "2", "--host", $"{First}:1,{Second}:1", "--bind-to", "none", "--mca", "plm_rsh_agent", Agent,
            "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", Network, "--mca", "oob_tcp_if_include", Network,
        ]
        : ["-np", "2", "-hosts", $"{First},{Second}", "-launcher", "rsh", "-launcher-exec", Agent, "-iface", Interface];

    public void Dispose()
    {
        // Deleting the namespaces also deletes the cable.
        foreach (var host in new[] { _first, _second })
            Child.Run(TimeSpan.FromSeconds(10), "ip", "netns", "delete", host);
        _folder.Dispose();
    }

    private static void RunIp(params string[] arguments) => Child.Run(TimeSpan.FromSeconds(10), "ip", arguments).AssertSucceeded();

    private static bool CanRun(string program, params string[] arguments)
    {
        try
        {
            return Child.Run(TimeSpan.FromSeconds(10), program, arguments).Code == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // not installed
        }
    }
}
