using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Copies a 64-bit little-endian ELF library and marks each unused version of libstdc++ as weak (VER_FLG_WEAK): a version
/// whose symbols no relocation refers to. The dynamic loader refuses a library with a missing version unless the version
/// is weak. The SHA-256 of the copy is written to a file next to it.
/// </summary>
/// <remarks>
/// GCC 13 adds such a version: including &lt;iostream&gt; binds _ZSt21ios_base_library_initv of GLIBCXX_3.4.32, a symbol that
/// exists only to require the version and is never called. Versions in use are not changed.
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
            foreach (int vernaux in FindUnusedVersions())
            {
                BitConverter.GetBytes((ushort)(ReadUInt16(vernaux + 4) | VER_FLG_WEAK)).CopyTo(elf, vernaux + 4);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(Destination));
            Replace(Destination, elf);
            Replace(Destination + HashExtension, Encoding.ASCII.GetBytes(Hash())); // last: without this file, the library is copied again
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

    /// <summary>Replaces a file atomically, since another build may be about to copy it.</summary>
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
            // Another build was faster, or on Windows the file with the same content is being read.
        }
        finally
        {
            File.Delete(unfinished);
            DeleteAbandoned(path);
        }
    }

    /// <summary>Deletes leftovers of killed builds. A running build does not need its temporary file for an hour.</summary>
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
        Log.LogError(null, "RESNET002", null, null, 0, 0, 0, 0, "Could not relax the version of libstdc++ that {0} requires: {1} Set RelaxTorchSharpLibstdcxx to false to use the library unchanged.", Source, reason);
        return false;
    }

    /// <summary>The offset of each Elf64_Vernaux of libstdc++ whose symbols no relocation uses.</summary>
    private IEnumerable<int> FindUnusedVersions()
    {
        if (elf.Length < 64 || elf[0] != 0x7f || elf[1] != 'E' || elf[2] != 'L' || elf[3] != 'F' || elf[4] != 2 || elf[5] != 1)
        {
            throw new InvalidDataException("it is not a 64-bit little-endian ELF file.");
        }

        List<Section> sections = ReadSections();
        Section needs = sections.Find(s => s.Type == SHT_GNU_verneed);
        if (needs == null) yield break; // statically linked: requires no versions

        HashSet<ushort> used = FindUsedVersions(sections);
        int names = sections[needs.Link].Offset;

        for (int verneed = needs.Offset, next = -1; next != 0; verneed += next)
        {
            bool libstdcxx = ReadName(names, verneed + 4) == "libstdc++.so.6";
            for (int vernaux = verneed + ReadInt32(verneed + 8), nextAux = -1; nextAux != 0; vernaux += nextAux)
            {
                if (libstdcxx && !used.Contains(ReadUInt16(vernaux + 6))) yield return vernaux;
                nextAux = ReadInt32(vernaux + 12);
            }

            next = ReadInt32(verneed + 12);
        }
    }

    /// <summary>The version indices of all symbols that relocations refer to.</summary>
    private HashSet<ushort> FindUsedVersions(List<Section> sections)
    {
        int dynsym = sections.FindIndex(s => s.Type == SHT_DYNSYM);
        Section versions = sections.First(s => s.Type == SHT_GNU_versym);
        var used = new HashSet<ushort>();
        foreach (Section relocations in sections.Where(s => s.Type == SHT_RELA && s.Link == dynsym))
        {
            for (int rela = relocations.Offset; rela < relocations.Offset + relocations.Size; rela += 24)
            {
                int symbol = ReadInt32(rela + 12);
                used.Add((ushort)(ReadUInt16(versions.Offset + 2 * symbol) & 0x7fff));
            }
        }

        return used;
    }

    private List<Section> ReadSections()
    {
        int table = checked((int)BitConverter.ToInt64(elf, 40)), size = ReadUInt16(58), count = ReadUInt16(60);
        return Enumerable.Range(0, count).Select(i => table + i * size).Select(header => new Section
        {
            Type = BitConverter.ToUInt32(elf, header + 4),
            Offset = checked((int)BitConverter.ToInt64(elf, header + 24)),
            Size = checked((int)BitConverter.ToInt64(elf, header + 32)),
            Link = ReadInt32(header + 40),
        }).ToList();
    }

    private string ReadName(int names, int at)
    {
        int start = names + ReadInt32(at);
        return Encoding.ASCII.GetString(elf, start, Array.IndexOf(elf, (byte)0, start) - start);
    }

    private ushort ReadUInt16(int at)
    {
        return BitConverter.ToUInt16(elf, at);
    }

    private int ReadInt32(int at)
    {
        // Unsigned in ELF: a negative value means damage, and could make a loop run backwards forever.
        return checked((int)BitConverter.ToUInt32(elf, at));
    }

    private sealed class Section
    {
        public uint Type;
        public int Offset, Size, Link;
    }
}
