using System.CommandLine;
using System.CommandLine.Parsing;

namespace VoxelZoo.Host.CommandLine;

/// <summary>Says in one sentence what is wrong with a command line.</summary>
internal static class ParseErrors
{
    /// <summary>Whether a verb is named that there is not, whose help would be that of another one.</summary>
    public static bool NamesNoVerb(ParseResult parse) =>
        parse.CommandResult.Command.Subcommands.Count > 0 && parse.UnmatchedTokens.Any(word => !word.StartsWith('-'));

    public static string Sentence(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        var verbs = command.Subcommands.Where(c => !c.Hidden).Select(c => c.Name).ToArray();
        var options = Ancestors(parse.CommandResult)
            .SelectMany(c => c.Command.Options.Where(o => o.Recursive || c.Command == command))
            .Select(o => o.Name).Distinct().ToArray();
        if (parse.UnmatchedTokens is [var word, ..])
        {
            if (word.StartsWith('-'))
                return $"{Path(parse)} has no option `{word}`{Spelling.Suggestion(word, options)} (options: {string.Join(", ", options)})";
            return verbs.Length > 0
                ? $"{Path(parse)} has no verb `{word}`{Suggestion(word, command)} (verbs: {string.Join(", ", verbs)})"
                : $"{Path(parse)} does not take `{word}`; see `{Path(parse)} --help`";
        }

        if (verbs.Length > 0 && command.Action is null)
            return $"say what to do: {string.Join(", ", verbs.Select(v => $"`{Path(parse)} {v}`"))}";
        if (Option(parse.Errors[0].SymbolResult) is { Tokens: [var token, ..], Option: var option }
            && Numbers.Expected(option.ValueType) is { } number)
            return $"`{option.Name}` takes {number}, found "
                + $"`{token.Value}`{(token.Value.Contains(',') ? "; the decimal sign is a point, and nothing separates thousands" : "")}";
        var sentence = string.Join(' ', parse.Errors[0].Message.Split([' ', '\t', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries));
        if (sentence.StartsWith('`'))
            return sentence; // it is ours, and says what to do
        return $"{sentence.TrimEnd('.')}; see `{Path(parse)} --help`";
    }

    /// <summary>The nearest verb, or else the nearest of those that are one of its own.</summary>
    private static string Suggestion(string word, Command command)
    {
        if (Spelling.Suggestion(word, command.Subcommands.Select(verb => verb.Name)) is { Length: > 0 } near)
            return near;
        var below = command.Subcommands.SelectMany(group => group.Subcommands.Where(verb => !verb.Hidden)
            .Select(verb => (Verb: verb.Name, Path: $"{group.Name} {verb.Name}"))).ToArray();
        return Spelling.Nearest(word, below.Select(verb => verb.Verb)) is { } nearest
            ? $"; did you mean `{below.First(verb => verb.Verb == nearest).Path}`?"
            : "";
    }

    private static OptionResult? Option(SymbolResult? result) => result as OptionResult ?? result?.Parent as OptionResult;

    private static string Path(ParseResult parse) =>
        string.Join(' ', Ancestors(parse.CommandResult).Reverse().Select(c => c.Parent is null ? "voxelzoo" : c.Command.Name));

    private static IEnumerable<CommandResult> Ancestors(CommandResult? result)
    {
        for (; result is not null; result = result.Parent as CommandResult)
            yield return result;
    }
}
