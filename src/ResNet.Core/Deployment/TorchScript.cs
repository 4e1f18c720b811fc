using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace ResNet.Core.Deployment;

/// <summary>
/// Methods in TorchScript, which can call libtorch operations that TorchSharp does not expose.
/// </summary>
/// <remarks>
/// The script is loaded from an in-memory archive of <c>torch.jit.save</c>, since only there the language has <c>ops</c>, the operations outside <c>torch</c>. Invalid source
/// crashes the process, so it must never come from a user.
/// </remarks>
internal sealed class TorchScript : IDisposable
{
    private readonly jit.ScriptModule _module;

    /// <param name="methods">The source of the methods, not indented.</param>
    /// <param name="items">The element type of the list <c>self.items</c>, which is initially empty; null for no list.</param>
    public TorchScript(string methods, string? items = null) => _module = jit.load(CreateArchive(methods, items));

    /// <exception cref="System.Runtime.InteropServices.ExternalException">The operation failed in libtorch.</exception>
    public T Call<T>(string method, params object[] arguments) => (T)_module.invoke(method, arguments);

    public void Dispose() => _module.Dispose();

    private static byte[] CreateArchive(string methods, string? items)
    {
        var source = "class Program(Module):\n  __parameters__ = []\n  __buffers__ = []\n" + (items is null ? "" : $"  items : List[{items}]\n") +
            string.Concat(methods.ReplaceLineEndings("\n").Split('\n').Select(line => $"  {line.Replace("(self,", "(self: __torch__.Program,", StringComparison.Ordinal)}\n"));
        (string Name, byte[] Content)[] entries =
        [
            // An instance of the class, without state or with an empty list.
            ("data.pkl", [0x80, 2, .. "c__torch__\nProgram\n)"u8, 0x81, .. items is null ? "}b."u8 : "}(X\u0005\0\0\0items]ub."u8]),
            ("code/__torch__.py", Encoding.UTF8.GetBytes(source)),
            ("constants.pkl", [0x80, 2, .. ")."u8]), // no constants
            ("version", [.. "3\n"u8]), // the format version
        ];

        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = archive.CreateEntry($"program/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }
        return stream.ToArray();
    }
}
