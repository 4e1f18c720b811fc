namespace ResNet.Train;

/// <summary>Which layers of the network a training changes.</summary>
internal enum TrainedLayers
{
    /// <summary>The classifier alone, on features that the others make once.</summary>
    Head,

    /// <summary>Every layer.</summary>
    All,
}
