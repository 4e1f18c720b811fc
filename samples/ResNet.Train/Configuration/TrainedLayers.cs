namespace ResNet.Train;

/// <summary>The layers that a training changes.</summary>
internal enum TrainedLayers
{
    /// <summary>The classifier alone, on features that the other layers compute once.</summary>
    Head,

    /// <summary>Every layer.</summary>
    All,
}
