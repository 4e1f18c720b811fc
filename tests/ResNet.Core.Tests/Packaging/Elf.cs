using System.Text;

namespace ResNet.Core.Tests.Packaging;

/// <summary>
/// Reads the parts of a 64-bit little-endian ELF file that the tests need. It finds sections by name and RelaxLibstdcxx finds them
/// by type, so that each checks the other.
/// </summary>
internal sealed class Elf(byte[] bytes)
{
    /// <summary>Finds the vna_flags of a version that the file needs of another library.</summary>
    public int FindVersionFlags(string library, string version)
    {
        var needs = FindSection(".gnu.version_r").Offset;
        for (int need = needs, next = 1; next != 0; need += next)
        {
            for (int aux = need + ReadInt32(need + 8), left = ReadUInt16(need + 2); left > 0; aux += ReadInt32(aux + 12), left--)
                if (ReadDynamicString(need + 4) == library && ReadDynamicString(aux + 8) == version)
                    return aux + 4;
            next = ReadInt32(need + 12);
        }

        throw new InvalidOperationException($"The file does not need {version} of {library}.");
    }

    /// <summary>Finds the index of a symbol in the dynamic symbol table.</summary>
    public int FindSymbol(string name)
    {
        var (offset, size) = FindSection(".dynsym");
        return Enumerable.Range(0, size / 24).Single(symbol => ReadDynamicString(offset + symbol * 24) == name);
    }

    /// <summary>Finds where the first relocation of a called function holds the index of its symbol.</summary>
    public int FindSymbolOfFirstRelocation() => FindSection(".rela.plt").Offset + 12;

    /// <summary>Finds the type of a section in its header.</summary>
    public int FindSectionType(string name) => FindHeader(name) + 4;

    private (int Offset, int Size) FindSection(string name) => (ReadInt32(FindHeader(name) + 24), ReadInt32(FindHeader(name) + 32));

    private int FindHeader(string name)
    {
        int table = ReadInt32(40), size = ReadUInt16(58), count = ReadUInt16(60);
        var names = ReadInt32(table + ReadUInt16(62) * size + 24);
        return Enumerable.Range(0, count).Select(number => table + number * size).Single(header => ReadString(names + ReadInt32(header)) == name);
    }

    private string ReadDynamicString(int offset) => ReadString(FindSection(".dynstr").Offset + ReadInt32(offset));

    private string ReadString(int offset) => Encoding.ASCII.GetString(bytes, offset, Array.IndexOf(bytes, (byte)0, offset) - offset);

    private ushort ReadUInt16(int offset) => BitConverter.ToUInt16(bytes, offset);

    private int ReadInt32(int offset) => BitConverter.ToInt32(bytes, offset);
}
