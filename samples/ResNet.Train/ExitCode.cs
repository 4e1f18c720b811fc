namespace ResNet.Train;

internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;

    // What a shell reports for a program that the signal ended: 128 and its number
    public const int Interrupted = 130;
    public const int Terminated = 143;
}
