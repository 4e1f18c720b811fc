namespace ResNet.Train;

/// <summary>A class and where in an image the network sees it.</summary>
/// <param name="Name">Of the class.</param>
/// <param name="Probability">From 0 to 1.</param>
/// <param name="Map">Row by row; see <see cref="ClassActivationMap"/>.</param>
internal sealed record ExplainedClass(string Name, float Probability, float[,] Map)
{
    /// <summary>Between the middles of four neighboring places of the map in proportion, and beyond the outer ones as there.</summary>
    /// <param name="x">Across the part of the image that the network sees, from 0 to 1.</param>
    /// <param name="y">Down.</param>
    public float At(double x, double y)
    {
        var (row, nextRow, down) = Between(y, Map.GetLength(0));
        var (column, nextColumn, right) = Between(x, Map.GetLength(1));
        return Mix(Mix(Map[row, column], Map[row, nextColumn], right), Mix(Map[nextRow, column], Map[nextRow, nextColumn], right), down);

        static (int Index, int Next, float Share) Between(double position, int count)
        {
            var place = Math.Clamp(position * count - 0.5, 0, count - 1);
            return ((int)place, Math.Min((int)place + 1, count - 1), (float)(place - (int)place));
        }

        static float Mix(float a, float b, float share) => a + (b - a) * share;
    }
}
