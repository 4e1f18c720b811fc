namespace ResNet.Core.Pretrained;

/// <summary>Finds the cache folder of Python's <c>torch.hub</c>.</summary>
internal static class TorchHub
{
    /// <summary>The folder that PyTorch's <c>torch.hub.load_state_dict_from_url</c> uses.</summary>
    /// <param name="variable">Returns the value of an environment variable, or null.</param>
    /// <exception cref="NotSupportedException">A variable refers to another user's home folder, <c>~name</c>.</exception>
    public static string GetCheckpointsFolder(Func<string, string?> variable)
    {
        var home = variable("TORCH_HOME") ?? Path.Combine(variable("XDG_CACHE_HOME") ?? "~/.cache", "torch");
        return Path.GetFullPath(Path.Combine(ExpandUser(home, variable), "hub", "checkpoints"));
    }

    /// <summary>Python's <c>os.path.expanduser</c>.</summary>
    private static string ExpandUser(string path, Func<string, string?> variable)
    {
        if (!path.StartsWith('~'))
            return path;
        var separators = OperatingSystem.IsWindows() ? @"\/" : "/";
        if (path.Length > 1 && !separators.Contains(path[1], StringComparison.Ordinal))
            throw new NotSupportedException($"Expected TORCH_HOME and XDG_CACHE_HOME without another user's home folder, got '{path}'. Write the full path.");

        var user = variable(OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return user.TrimEnd('/') + path[1..] is { Length: > 0 } expanded ? expanded : "/";
    }
}
