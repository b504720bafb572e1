namespace Hostdev.Kubectl.Commands;

/// <summary>There is no answer to what was asked: a sentence that says why, and what to ask.</summary>
internal sealed class AnswerException(string message, Exception? cause = null) : Exception(message, cause);
