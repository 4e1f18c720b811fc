using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Copies a 64-bit little-endian ELF library and marks as weak (VER_FLG_WEAK) each version of libstdc++ that it names
/// but does not use: one whose symbols no relocation refers to. The dynamic loader refuses a library over a missing
/// version unless that version is weak. Beside the copy it leaves the copy's SHA-256.
/// </summary>
/// <remarks>
/// GCC 13 leaves such a version behind: including &lt;iostream&gt; binds _ZSt21ios_base_library_initv of GLIBCXX_3.4.32,
/// a symbol that exists to force the version and is never called. A version that is really used is left as it is.
/// Layout: the System V ABI and the Linux Standard Base, "Symbol Versioning".
/// </remarks>
public class RelaxLibstdcxx : Task
{
    private const uint SHT_RELA = 4, SHT_DYNSYM = 11, SHT_GNU_verneed = 0x6ffffffe, SHT_GNU_versym = 0x6fffffff;
    private const ushort VER_FLG_WEAK = 2;
    private const string HashExtension = ".sha256"; // ResNet.Core.targets reads it

    private byte[] elf;

    [Required]
    public string Source { get; set; }

    [Required]
    public string Destination { get; set; }

    public override bool Execute()
    {
        try
        {
            elf = File.ReadAllBytes(Source);
            foreach (int vernaux in UnusedVersions())
            {
                BitConverter.GetBytes((ushort)(UInt16(vernaux + 4) | VER_FLG_WEAK)).CopyTo(elf, vernaux + 4);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(Destination));
            Replace(Destination, elf);
            Replace(Destination + HashExtension, Encoding.ASCII.GetBytes(Hash())); // last: without it the library is made again
            return true;
        }
        catch (Exception e) when (e is IOException || e is UnauthorizedAccessException || e is InvalidDataException)
        {
            return Fail(e.Message);
        }
        catch (Exception e) when (e is ArgumentException || e is IndexOutOfRangeException || e is OverflowException || e is InvalidOperationException)
        {
            return Fail("its headers point outside the file, which is truncated or damaged.");
        }
    }

    /// <summary>Whole or not at all, and with the old file there until the new one is: another build may be about to copy it.</summary>
    private static void Replace(string path, byte[] content)
    {
        string unfinished = path + "." + Guid.NewGuid().ToString("N");
        try
        {
            File.WriteAllBytes(unfinished, content);
            if (File.Exists(path)) File.Replace(unfinished, path, null);
            else File.Move(unfinished, path);
        }
        catch (Exception e) when ((e is IOException || e is UnauthorizedAccessException) && File.ReadAllBytes(path).SequenceEqual(content))
        {
            // Another build was quicker, or Windows keeps the same content in place while somebody reads it.
        }
        finally
        {
            File.Delete(unfinished);
            DeleteAbandoned(path);
        }
    }

    /// <summary>What builds that were killed have left. One that goes on has nothing to do here for an hour.</summary>
    private static void DeleteAbandoned(string path)
    {
        foreach (string unfinished in Directory.GetFiles(Path.GetDirectoryName(path), Path.GetFileName(path) + ".*"))
        {
            Guid guid;
            if (Guid.TryParseExact(Path.GetExtension(unfinished).TrimStart('.'), "N", out guid) && File.GetLastWriteTimeUtc(unfinished) < DateTime.UtcNow.AddHours(-1)) File.Delete(unfinished);
        }
    }

    private string Hash()
    {
        using (SHA256 sha = SHA256.Create())
        {
            return BitConverter.ToString(sha.ComputeHash(elf)).Replace("-", "");
        }
    }

    private bool Fail(string reason)
    {
        Log.LogError(null, "RESNET002", null, null, 0, 0, 0, 0, "Could not relax the version of libstdc++ that {0} asks for: {1} Set RelaxTorchSharpLibstdcxx to false to use it as it is.", Source, reason);
        return false;
    }

    /// <summary>The offset of each Elf64_Vernaux of libstdc++ whose symbols no relocation uses.</summary>
    private IEnumerable<int> UnusedVersions()
    {
        if (elf.Length < 64 || elf[0] != 0x7f || elf[1] != 'E' || elf[2] != 'L' || elf[3] != 'F' || elf[4] != 2 || elf[5] != 1)
        {
            throw new InvalidDataException("it is not a 64-bit little-endian ELF file.");
        }

        List<Section> sections = Sections();
        Section needs = sections.Find(s => s.Type == SHT_GNU_verneed);
        if (needs == null) yield break; // linked statically: it asks for nothing

        HashSet<ushort> used = UsedVersions(sections);
        int names = sections[needs.Link].Offset;

        for (int verneed = needs.Offset, next = -1; next != 0; verneed += next)
        {
            bool libstdcxx = Name(names, verneed + 4) == "libstdc++.so.6";
            for (int vernaux = verneed + Int32(verneed + 8), nextAux = -1; nextAux != 0; vernaux += nextAux)
            {
                if (libstdcxx && !used.Contains(UInt16(vernaux + 6))) yield return vernaux;
                nextAux = Int32(vernaux + 12);
            }

            next = Int32(verneed + 12);
        }
    }

    /// <summary>The version index of every symbol that a relocation refers to.</summary>
    private HashSet<ushort> UsedVersions(List<Section> sections)
    {
        int dynsym = sections.FindIndex(s => s.Type == SHT_DYNSYM);
        Section versions = sections.First(s => s.Type == SHT_GNU_versym);
        var used = new HashSet<ushort>();
        foreach (Section relocations in sections.Where(s => s.Type == SHT_RELA && s.Link == dynsym))
        {
            for (int rela = relocations.Offset; rela < relocations.Offset + relocations.Size; rela += 24)
            {
                int symbol = Int32(rela + 12);
                used.Add((ushort)(UInt16(versions.Offset + 2 * symbol) & 0x7fff));
            }
        }

        return used;
    }

    private List<Section> Sections()
    {
        int table = checked((int)BitConverter.ToInt64(elf, 40)), size = UInt16(58), count = UInt16(60);
        return Enumerable.Range(0, count).Select(i => table + i * size).Select(header => new Section
        {
            Type = BitConverter.ToUInt32(elf, header + 4),
            Offset = checked((int)BitConverter.ToInt64(elf, header + 24)),
            Size = checked((int)BitConverter.ToInt64(elf, header + 32)),
            Link = Int32(header + 40),
        }).ToList();
    }

    private string Name(int names, int at)
    {
        int start = names + Int32(at);
        return Encoding.ASCII.GetString(elf, start, Array.IndexOf(elf, (byte)0, start) - start);
    }

    private ushort UInt16(int at)
    {
        return BitConverter.ToUInt16(elf, at);
    }

    private int Int32(int at)
    {
        // All of these are unsigned in ELF: a negative one would be damage, and could lead a loop backwards for ever.
        return checked((int)BitConverter.ToUInt32(elf, at));
    }

    private sealed class Section
    {
        public uint Type;
        public int Offset, Size, Link;
    }
}
