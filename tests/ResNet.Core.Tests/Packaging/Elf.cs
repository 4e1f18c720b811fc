using System.Text;

namespace ResNet.Core.Tests.Packaging;

/// <summary>
/// As much of a 64-bit little-endian ELF file as the tests look at. It finds sections by name, where RelaxLibstdcxx goes
/// by type, so that one checks the other.
/// </summary>
internal sealed class Elf(byte[] bytes)
{
    /// <summary>Where the vna_flags of a version are that the file asks of another library.</summary>
    public int FlagsOfVersion(string library, string version)
    {
        var needs = Section(".gnu.version_r").Offset;
        for (int need = needs, next = 1; next != 0; need += next)
        {
            for (int aux = need + Int32(need + 8), left = UInt16(need + 2); left > 0; aux += Int32(aux + 12), left--)
                if (DynamicString(need + 4) == library && DynamicString(aux + 8) == version)
                    return aux + 4;
            next = Int32(need + 12);
        }

        throw new InvalidOperationException($"The file does not ask for {version} of {library}.");
    }

    /// <summary>The number of a symbol of the dynamic symbol table.</summary>
    public int Symbol(string name)
    {
        var (offset, size) = Section(".dynsym");
        return Enumerable.Range(0, size / 24).Single(symbol => DynamicString(offset + symbol * 24) == name);
    }

    /// <summary>Where the number of the symbol is that the first relocation of a called function refers to.</summary>
    public int SymbolOfFirstRelocation() => Section(".rela.plt").Offset + 12;

    /// <summary>Where the section's type stands in its header.</summary>
    public int TypeOfSection(string name) => Header(name) + 4;

    private (int Offset, int Size) Section(string name) => (Int32(Header(name) + 24), Int32(Header(name) + 32));

    private int Header(string name)
    {
        int table = Int32(40), size = UInt16(58), count = UInt16(60);
        var names = Int32(table + UInt16(62) * size + 24);
        return Enumerable.Range(0, count).Select(number => table + number * size).Single(header => String(names + Int32(header)) == name);
    }

    private string DynamicString(int at) => String(Section(".dynstr").Offset + Int32(at));

    private string String(int at) => Encoding.ASCII.GetString(bytes, at, Array.IndexOf(bytes, (byte)0, at) - at);

    private ushort UInt16(int at) => BitConverter.ToUInt16(bytes, at);

    private int Int32(int at) => BitConverter.ToInt32(bytes, at);
}
