namespace ResNet.Train;

/// <summary>A class and where in an image the network sees it.</summary>
/// <param name="Name">The class name.</param>
/// <param name="Probability">The probability, from 0 to 1.</param>
/// <param name="Map">The class activation map, row by row; see <see cref="ClassActivationMap"/>.</param>
internal sealed record ExplainedClass(string Name, float Probability, float[,] Map)
{
    /// <summary>Interpolates the map bilinearly between cell centers, and extends the outer cells to the edges.</summary>
    /// <param name="x">The horizontal position in the crop, from 0 to 1.</param>
    /// <param name="y">The vertical position in the crop, from 0 to 1.</param>
    public float Interpolate(double x, double y)
    {
        var (row, nextRow, down) = FindNeighbors(y, Map.GetLength(0));
        var (column, nextColumn, right) = FindNeighbors(x, Map.GetLength(1));
        return Mix(Mix(Map[row, column], Map[row, nextColumn], right), Mix(Map[nextRow, column], Map[nextRow, nextColumn], right), down);

        static (int Index, int Next, float Share) FindNeighbors(double position, int count)
        {
            var place = Math.Clamp(position * count - 0.5, 0, count - 1);
            return ((int)place, Math.Min((int)place + 1, count - 1), (float)(place - (int)place));
        }

        static float Mix(float a, float b, float share) => a + (b - a) * share;
    }
}
