using ResNet.Core;

namespace ResNet.Train;

/// <summary>What a training has left after its last complete epoch.</summary>
internal static class SavedState
{
    /// <returns>What was loaded, in one line.</returns>
    /// <exception cref="UserException">The file is damaged, or another training's.</exception>
    public static string Load(TrainingState state, string path)
    {
        try
        {
            Checkpoint.Load(state, path);
            if (!state.IsPossible)
                throw new InvalidDataException($"{path}: expected a number of complete epochs that the training has, got another");
            return $"resumed after {state.Epochs.Count} epochs";
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UserException($"resume: {e.Message}");
        }
    }
}
