namespace ResNet.Samples;

public static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;

    // As a shell reports a program that a signal ended: 128 plus the signal's number
    public const int Interrupted = 130;
    public const int Terminated = 143;
}
