using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// Numbers of the command line, one rule for every option of every verb: the decimal sign is a point, nothing separates thousands, and
/// the value is finite. The parser's own rule takes <c>3,5</c> for 35.
/// </summary>
internal static class Numbers
{
    /// <summary>Gives the rule to all options of a command and of the commands below it.</summary>
    public static TCommand Strictly<TCommand>(TCommand command)
        where TCommand : Command
    {
        foreach (var option in command.Options)
            Apply(option);
        foreach (var below in command.Subcommands)
            Strictly(below);
        return command;
    }

    /// <summary>What an option takes in words, or null where it is not a number.</summary>
    public static string? Expected(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var t when t == typeof(int) => "a whole number of 32 bits",
        var t when t == typeof(long) => "a whole number of 64 bits",
        var t when t == typeof(double) => "a number",
        _ => null,
    };

    private static void Apply(Option option)
    {
        switch (option)
        {
            case Option<int> whole:
                whole.CustomParser = argument => Whole(argument) is { } value ? (int)value : 0;
                break;
            case Option<int?> whole:
                whole.CustomParser = argument => (int?)Whole(argument);
                break;
            case Option<long?> wide:
                wide.CustomParser = Wide;
                break;
            case Option<double?> real:
                real.CustomParser = Real;
                break;
            default:
                if (Expected(option.ValueType) is not null)
                    throw new InvalidOperationException($"numbers of {option.ValueType} have no rule yet, and `{option.Name}` is one");
                break;
        }
    }

    private static long? Whole(ArgumentResult argument) =>
        Wide(argument) is { } value && ((int)value == value || Refuse(argument)) ? value : null;

    private static long? Wide(ArgumentResult argument) =>
        long.TryParse(argument.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
        || Refuse(argument)
            ? value
            : null;

    private static double? Real(ArgumentResult argument)
    {
        const NumberStyles Plain = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return (double.TryParse(argument.Tokens[0].Value, Plain, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value))
            || Refuse(argument)
            ? value
            : null;
    }

    // the sentence is made where all of them are, in ParseErrors
    private static bool Refuse(ArgumentResult argument)
    {
        argument.AddError("not a number");
        return false;
    }
}
