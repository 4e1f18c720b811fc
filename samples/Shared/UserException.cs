namespace ResNet.Samples;

/// <summary>An error that the user can fix. The message is one line that names what was expected and what was found.</summary>
public sealed class UserException(string message) : Exception(message);
