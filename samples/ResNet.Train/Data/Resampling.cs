using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using SkiaSharp;

namespace ResNet.Train;

/// <summary>
/// Draws a crop of an image at another size. Each pixel is a mean of its neighborhood, weighted by a triangle whose width grows with the reduction:
/// the bilinear filter of PIL and torchvision. Skia's filter halves the image repeatedly first, which takes longer and blurs.
/// </summary>
internal static class Resampling
{
    /// <summary>Filters vertically, then horizontally: the filter is separable.</summary>
    /// <param name="image">The image, in Gray8, or opaque with four bytes per pixel.</param>
    /// <param name="crop">The part to draw. Parts outside the image are black.</param>
    /// <param name="drawn">The target, with as many bytes per pixel.</param>
    public static void Draw(SKPixmap image, Crop crop, SKPixmap drawn)
    {
        var bytes = image.BytesPerPixel;
        var across = FindTaps(crop.Left, crop.Width, image.Width, drawn.Width, crop.Flipped);
        var down = FindTaps(crop.Top, crop.Height, image.Height, drawn.Height, flipped: false);
        var left = across.Min(taps => taps.First);
        var sums = new float[bytes * (across.Max(taps => taps.First + taps.Weights.Length) - left)];
        var source = image.GetPixelSpan();
        var target = drawn.GetPixelSpan<byte>();
        for (var y = 0; y < down.Length; y++)
        {
            Array.Clear(sums);
            for (var i = 0; i < down[y].Weights.Length; i++)
                Add(source.Slice((down[y].First + i) * image.RowBytes + bytes * left, sums.Length), down[y].Weights[i], sums);
            var row = target.Slice(y * drawn.RowBytes, bytes * across.Length);
            if (bytes == 1)
                Gather(sums, across, left, row);
            else
                Gather(MemoryMarshal.Cast<float, Vector4>(sums), across, left, MemoryMarshal.Cast<byte, uint>(row));
        }
    }

    /// <returns>For each drawn pixel, the position of the first source pixel and the weights. There are no weights outside the image.</returns>
    private static (int First, float[] Weights)[] FindTaps(double start, double length, int extent, int count, bool flipped)
    {
        var scale = length / count;
        var reach = Math.Max(1, scale); // when enlarging, between the two nearest pixels
        var all = new (int First, float[] Weights)[count];
        for (var i = 0; i < count; i++)
        {
            var center = start + ((flipped ? count - 1 - i : i) + 0.5) * scale;
            // Pixel centers are at halves. The filter stops at the image's edge.
            var first = Math.Clamp((int)Math.Floor(center - reach + 0.5), 0, extent - 1);
            var end = Math.Clamp((int)Math.Floor(center + reach + 0.5), first + 1, extent);
            var weights = new float[center >= 0 && center < extent ? end - first : 0];
            var sum = 0f;
            for (var j = 0; j < weights.Length; j++)
                sum += weights[j] = (float)Math.Max(0, 1 - Math.Abs(first + j + 0.5 - center) / reach);
            for (var j = 0; j < weights.Length; j++)
                weights[j] /= sum;
            all[i] = (first, weights);
        }
        return all;
    }

    // Optimized at the first call, here and below: unoptimized code would make a program's first images take twenty times as long.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(ReadOnlySpan<byte> pixels, float weight, Span<float> sums)
    {
        var all = new Vector<float>(weight);
        var i = 0;
        for (; i <= pixels.Length - Vector<byte>.Count; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(pixels[i..]), out var low, out var high);
            AddHalf(low, sums[i..]);
            AddHalf(high, sums[(i + Vector<ushort>.Count)..]);
        }
        for (; i < pixels.Length; i++)
            sums[i] += weight * pixels[i];

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void AddHalf(Vector<ushort> values, Span<float> sums)
        {
            Vector.Widen(values, out var low, out var high);
            AddQuarter(low, sums);
            AddQuarter(high, sums[Vector<float>.Count..]);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        void AddQuarter(Vector<uint> values, Span<float> sums) =>
            Vector.FusedMultiplyAdd(Vector.ConvertToSingle(Vector.AsVectorInt32(values)), all, new Vector<float>(sums)).CopyTo(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gather(ReadOnlySpan<float> sums, (int First, float[] Weights)[] across, int left, Span<byte> row)
    {
        for (var x = 0; x < row.Length; x++)
        {
            var (first, weights) = across[x];
            var sum = 0f;
            for (var i = 0; i < weights.Length; i++)
                sum += weights[i] * sums[first - left + i];
            row[x] = (byte)(sum + 0.5f);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gather(ReadOnlySpan<Vector4> sums, (int First, float[] Weights)[] across, int left, Span<uint> row)
    {
        for (var x = 0; x < row.Length; x++)
        {
            var (first, weights) = across[x];
            var seen = sums.Slice(first - left, weights.Length);
            var sum = new Vector4(0.5f);
            for (var i = 0; i < seen.Length; i++)
                sum += weights[i] * seen[i];
            var values = Vector128.ConvertToInt32(sum.AsVector128()).AsUInt32();
            row[x] = values[0] | values[1] << 8 | values[2] << 16 | values[3] << 24;
        }
    }
}
