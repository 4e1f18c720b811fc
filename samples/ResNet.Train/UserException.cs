namespace ResNet.Train;

/// <summary>What the user can put right. The message is one line that says what was expected and what came.</summary>
internal sealed class UserException(string message) : Exception(message);
