using System.Text;

namespace ResNet.Train;

/// <summary>Detects a file's format by its first bytes, because its name may be wrong.</summary>
internal static class FileKind
{
    private const int HeadLength = 512;

    /// <summary>Reads as many bytes as the detection needs, and returns to the start of the file.</summary>
    public static ReadOnlySpan<byte> ReadHead(FileStream file)
    {
        var head = new byte[HeadLength];
        var length = file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return head.AsSpan(0, length);
    }

    /// <returns>The format; null if the program does not decode it.</returns>
    public static ImageFormat? DetectFormat(ReadOnlySpan<byte> head) =>
        head.StartsWith((ReadOnlySpan<byte>)[0xff, 0xd8, 0xff]) ? ImageFormat.Jpeg
        : head.StartsWith((ReadOnlySpan<byte>)[0x89, .. "PNG\r\n"u8, 0x1a, (byte)'\n']) ? ImageFormat.Png
        : head.StartsWith("RIFF"u8) && ContainsAt(head, 8, "WEBP"u8) ? ImageFormat.WebP
        : head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8) ? ImageFormat.Gif
        : head.StartsWith("BM"u8) ? ImageFormat.Bmp
        : null;

    /// <returns>A description of a file in any other format.</returns>
    public static string Describe(ReadOnlySpan<byte> head) =>
        ContainsAt(head, 4, "ftyp"u8) ? DescribeBoxes(head)
        : head.StartsWith("II*\0"u8) || head.StartsWith("MM\0*"u8) || head.StartsWith("II+\0"u8) || head.StartsWith("MM\0+"u8) ? "a TIFF image, or a camera's raw image; convert it"
        : head.StartsWith("FUJIFILM"u8) || head.StartsWith("IIRO"u8) || head.StartsWith("IIU\0"u8) ? "a camera's raw image; convert it"
        : head.StartsWith((ReadOnlySpan<byte>)[0xff, 0x0a]) || ContainsAt(head, 4, "JXL "u8) ? "a JPEG XL image; convert it"
        : ContainsAt(head, 4, "jP  "u8) || head.StartsWith((ReadOnlySpan<byte>)[0xff, 0x4f, 0xff, 0x51]) ? "a JPEG 2000 image; convert it"
        : head.StartsWith((ReadOnlySpan<byte>)[0, 0, 1, 0]) ? "an icon (ICO); convert it"
        : head.StartsWith("8BPS"u8) ? "a Photoshop image; convert it"
        : head.Length > 2 && head[0] == 'P' && head[1] is >= (byte)'1' and <= (byte)'7' && char.IsWhiteSpace((char)head[2]) ? "a Netpbm image (PPM, PGM); convert it"
        : head.StartsWith("%PDF"u8) ? "a PDF file"
        : head.StartsWith("PK"u8) ? "a ZIP file"
        : head.StartsWith("version https://git-lfs"u8) ? "a Git LFS pointer to one; git lfs pull fetches it"
        : DescribeText(head);

    /// <summary>Files in ISO's container format hold photographs or videos, and name which.</summary>
    private static string DescribeBoxes(ReadOnlySpan<byte> head)
    {
        var brand = head.Length >= 12 ? head[8..12] : [];
        return head.IndexOf("avif"u8) >= 8 || brand.SequenceEqual("avis"u8) ? "an AVIF image; convert it"
            : brand.StartsWith("he"u8) || brand.SequenceEqual("mif1"u8) || brand.SequenceEqual("msf1"u8) ? "a HEIC image, as iPhones write them; convert it"
            : brand.SequenceEqual("crx "u8) ? "a camera's raw image; convert it"
            : "a video";
    }

    private static string DescribeText(ReadOnlySpan<byte> head)
    {
        if (head.ContainsAnyInRange((byte)0, (byte)8))
            return "a file of another kind";
        var text = Encoding.UTF8.GetString(head);
        return text.Contains("<svg", StringComparison.OrdinalIgnoreCase) ? "an SVG drawing; convert it"
            : text.Contains("<html", StringComparison.OrdinalIgnoreCase) || text.Contains("<!doctype", StringComparison.OrdinalIgnoreCase) ? "an HTML page"
            : "a text file";
    }

    private static bool ContainsAt(ReadOnlySpan<byte> head, int offset, ReadOnlySpan<byte> bytes) => head.Length > offset && head[offset..].StartsWith(bytes);
}
