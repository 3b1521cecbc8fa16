using System.Text.Json;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Plans;

/// <summary>What an experiment writes holds: a part may complete what is left out, and not replace what is there without a word.</summary>
internal static class WrittenOptions
{
    /// <summary>Refuses an option that the experiment writes and the part makes something else of.</summary>
    /// <param name="part">The part, with the options that were bound and the keys that are written.</param>
    /// <param name="fitted">What the part made of its options.</param>
    /// <exception cref="PlanException">There is one.</exception>
    public static void RefuseOverwritten<TPart>(PlannedPart<TPart> part, object fitted)
        where TPart : class, IPart
    {
        foreach (var key in part.Written)
        {
            var (before, after) = (Text(part.Options, key), Text(fitted, key));
            if (before != after)
            {
                throw new PlanException(
                    $"{key} is {before}, and `{part.Id}` of the plugin {part.Source.Plugin} {part.Source.Version} makes {after} of it from "
                    + $"the experiment's shapes; leave {key} out",
                    key).In(part.Section);
            }
        }
    }

    /// <summary>The value at a key such as <c>attention.heads</c>, as JSON.</summary>
    private static string Text(object? options, string key) => At(options, key) switch
    {
        null => "null",
        var value => JsonSerializer.Serialize(value, value.GetType(), AtomicFile.Json),
    };

    /// <summary>The value at a key such as <c>attention.heads</c>, or null where there is none.</summary>
    internal static object? At(object? options, string key)
    {
        foreach (var step in key.Split('.'))
        {
            options = options switch
            {
                null => null,
                System.Collections.IDictionary named => named[step],
                _ => options.GetType().GetProperties()
                    .FirstOrDefault(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name) == step)?.GetValue(options),
            };
        }

        return options;
    }
}
