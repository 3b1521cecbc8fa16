using System.CommandLine;
using System.CommandLine.Parsing;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// Words of the command line that hold nothing, as an unset variable of a shell leaves them: one rule for every
/// argument and option of every verb.
/// </summary>
internal static class Blanks
{
    /// <summary>Refuses them in a command and in the commands below it.</summary>
    public static TCommand Refused<TCommand>(TCommand command)
        where TCommand : Command
    {
        foreach (var argument in command.Arguments)
            argument.Validators.Insert(0, result => Refuse(result, argument.Name, Expected(argument.Description) ?? "a value"));
        foreach (var option in command.Options)
            option.Validators.Insert(0, result => Refuse(result, option.Name, option.HelpName ?? "a value"));
        foreach (var below in command.Subcommands)
            Refused(below);
        return command;
    }

    private static void Refuse(SymbolResult result, string name, string expected)
    {
        if (result.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
            result.AddError($"`{name}` is empty, expected {expected}");
    }

    /// <summary>The first thing that a description says, within a sentence.</summary>
    private static string? Expected(string? description) =>
        description is { Length: > 0 } ? $"{char.ToLowerInvariant(description[0])}{description.Split(';')[0][1..]}" : null;
}
