namespace ResNet.Core.Distributed.Tests.Ranks;

/// <summary>Two machines in one: network namespaces with a cable between them, and host names of their own.</summary>
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
            Ip("netns", "add", _first);
            Ip("netns", "add", _second);
            Ip("link", "add", Interface, "netns", _first, "type", "veth", "peer", "name", Interface, "netns", _second);
            foreach (var (host, address) in new[] { (_first, First), (_second, Second) })
            {
                Ip("-n", host, "address", "add", $"{address}/24", "dev", Interface);
                Ip("-n", host, "link", "set", Interface, "up");
                Ip("-n", host, "link", "set", "lo", "up");
            }

            // In place of ssh: agent host command…
            File.WriteAllText(Agent, $"""
                #!/bin/sh
                host=$1
                shift
                case $host in {First}) host={_first} ;; {Second}) host={_second} ;; *) echo "unknown host $host" >&2; exit 1 ;; esac
                exec unshare --uts -- /bin/sh -c 'hostname "$0"; exec ip netns exec "$0" /bin/sh -c "$1"' "$host" "$*"

                """.ReplaceLineEndings("\n"));
            Child.Run(TimeSpan.FromSeconds(10), "chmod", "+x", Agent).Succeeded();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why there can be none here, or null.</summary>
    public static string? Obstacle { get; } =
        !OperatingSystem.IsLinux() ? "Network namespaces are Linux's."
        : !Environment.IsPrivilegedProcess ? "Network namespaces take root."
        : !Works("ip", "-V") ? "There is no ip: apt-get install iproute2"
        : !Works("unshare", "--net", "--uts", "--mount", "true") ? "This container may not make network namespaces."
        : null;

    private string Agent => _folder["agent.sh"];

    /// <summary>A command on the first host.</summary>
    public IReadOnlyList<string> OnFirst => ["netns", "exec", _first];

    /// <summary>What a launcher on the first host takes to start a rank on each.</summary>
    public IReadOnlyList<string> LauncherArguments(MpiKind mpi) => mpi == MpiKind.OpenMpi
        ?
        [
            "-np", "2", "--host", $"{First}:1,{Second}:1", "--bind-to", "none", "--mca", "plm_rsh_agent", Agent,
            "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", Network, "--mca", "oob_tcp_if_include", Network,
        ]
        : ["-np", "2", "-hosts", $"{First},{Second}", "-launcher", "rsh", "-launcher-exec", Agent, "-iface", Interface];

    public void Dispose()
    {
        // The cable goes with its ends.
        foreach (var host in new[] { _first, _second })
            Child.Run(TimeSpan.FromSeconds(10), "ip", "netns", "delete", host);
        _folder.Dispose();
    }

    private static void Ip(params string[] arguments) => Child.Run(TimeSpan.FromSeconds(10), "ip", arguments).Succeeded();

    private static bool Works(string program, params string[] arguments)
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
