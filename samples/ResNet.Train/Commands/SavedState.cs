using ResNet.Core;

namespace ResNet.Train;

/// <summary>Loads a training's state after its last complete epoch.</summary>
internal static class SavedState
{
    /// <returns>A description of the loaded state, in one line.</returns>
    /// <exception cref="UserException">The file is damaged, or belongs to another training.</exception>
    public static string Load(TrainingState state, string path)
    {
        try
        {
            Checkpoint.Load(state, path);
            if (state.EpochsDone < 0 || state.EpochsDone > state.AllEpochs)
                throw new InvalidDataException($"{path}: expected 0 to {state.AllEpochs} complete epochs, got {state.EpochsDone}");
            return $"resumed after {Plural.Format(state.Epochs.Count, "epoch")}{(state.EpochsDone == state.AllEpochs ? ": the training was complete, and is only tested again" : "")}";
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UserException($"resume: {e.Message}");
        }
    }
}
