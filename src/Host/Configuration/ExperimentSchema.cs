using System.Text.Json.Nodes;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Plugins;
using VoxelZoo.PluginManifest;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// The JSON Schema (draft 7) of experiment files, for editors: the engine's sections, and in the others the options of every installed
/// part. It is of files as they are written, which may leave out what they extend and take out keys by <c>null</c>. No plugin is loaded.
/// </summary>
internal sealed class ExperimentSchema
{
    private const string Definitions = "definitions";

    private readonly OptionsSchema _records;
    private readonly JsonObject _definitions = [];
    private readonly (string Kind, string Id, string[] Names, JsonObject? Options)[] _parts;

    private ExperimentSchema(PluginCatalogue catalogue)
    {
        var documentation = new XmlDocumentation();
        documentation.Add(Path.ChangeExtension(typeof(DataOptions).Assembly.Location, ".xml"));
        _records = new OptionsSchema(documentation);
        _parts =
        [
            ("compressor", "identity", ["identity", $"{PartRegistry.Host}/identity"], _records.Of(typeof(IdentityOptions))),
            .. from plugin in catalogue.Plugins
               where plugin.Status == PluginStatus.Active
               from part in plugin.Parts
               select (
                   part.Kind,
                   Id: $"{plugin.Id}.{part.Id}",
                   new[] { part.Id, $"{plugin.Id}/{part.Id}" },
                   part.Options is null ? null : JsonNode.Parse(part.Options) as JsonObject),
        ];
    }

    /// <summary>The schema of files for the plugins of a catalogue.</summary>
    public static JsonObject Of(PluginCatalogue catalogue) => new ExperimentSchema(catalogue).Whole();

    private JsonObject Whole()
    {
        var sections = Sections();
        _definitions["experiment"] = Closed(sections);
        return new JsonObject
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = "VoxelZoo experiment",
            ["type"] = "object",
            ["properties"] = With(
                sections,
                ("extends", Either(Text(), List(Text()))),
                ("profiles", Either(new JsonObject { ["type"] = "object", ["additionalProperties"] = Either(Reference("experiment")) }))),
            ["additionalProperties"] = false,
            [Definitions] = _definitions,
        };
    }

    private JsonObject Sections()
    {
        var metric = Part("metric", "metric", Keys<MetricPresence>());
        var metrics = Either(metric, List(metric));
        var compressor = Part("compressor", "compressor", Keys<LatentOptions>());
        var generation = Part(
            "generation", "sampler", With(Keys<SamplingOptions>(), [.. Keys<TrainingGenerationOptions>(), new("metrics", metrics)]));
        var sampler = Part("sampling", "sampler", Keys<SamplingOptions>());
        _definitions["reconstructions"] = Closed(Keys<ReconstructionOptions>());
        var augmentation = Part("augmentation", "augmentation", []);
        return new JsonObject
        {
            ["id"] = Either(Text()),
            ["title"] = Either(Text()),
            [RequiredPlugins.Section] = Either(
                Text(), List(Text()), new JsonObject { ["type"] = "object", ["additionalProperties"] = Text() }),
            ["data"] = Either(Closed(Keys<DataOptions>())),
            ["target"] = Either(Text(), List(Text())),
            ["condition"] = Either(Closed(With(Keys<ConditionOptions>(), ("compressor", compressor.DeepClone())))),
            ["compressor"] = compressor,
            ["architecture"] = Part("architecture", "architecture", []),
            ["strategy"] = Part("strategy", "strategy", []),
            ["augmentations"] = Either(augmentation, List(augmentation)),
            ["training"] = Either(Closed(With(Keys<TrainingOptions>(), [.. Keys<CompressionOptions>(), new("generation", generation)]))),
            ["sampling"] = Either(sampler.DeepClone(), Reference("reconstructions")),
            ["evaluation"] = Either(Closed(With(
                Keys<EvaluationOptions>(),
                [.. Keys<ReconstructionEvaluationOptions>(), new("metrics", metrics.DeepClone()), new("generate", sampler)]))),
            ["expect"] = Either(Closed(Keys<ExpectOptions>())),
        };
    }

    /// <summary>
    /// A section that names a part, alone or with options: those of the part that it names, or of any where a
    /// file that it extends names one.
    /// </summary>
    /// <param name="name">The section's name among the definitions.</param>
    /// <param name="kind">The parts' kind.</param>
    /// <param name="keys">The engine's keys in such a section.</param>
    private JsonObject Part(string name, string kind, JsonObject keys)
    {
        var parts = _parts.Where(part => part.Kind == kind).ToArray();
        foreach (var part in parts)
        {
            var options = part.Options?["properties"] as JsonObject ?? [];
            var properties = With(
                new JsonObject { ["use"] = true },
                [.. keys, .. options.Select(option => KeyValuePair.Create(option.Key, (JsonNode?)Written(option.Value)))]);
            _definitions[$"{name}.{part.Id}"] = part.Options is null ? new JsonObject { ["type"] = "object" } : Closed(properties);
        }

        JsonArray rules =
        [
            When(new JsonObject { ["type"] = "string" }, Words(parts.SelectMany(part => part.Names))),
            When(
                Using(new JsonObject()),
                new JsonObject { ["properties"] = new JsonObject { ["use"] = Words(parts.SelectMany(part => part.Names)) } }),
            .. parts.Select(part => When(Using(Words(part.Names)), Reference($"{name}.{part.Id}"))),
            When(
                new JsonObject { ["type"] = "object", ["not"] = new JsonObject { ["required"] = new JsonArray("use") } },
                new JsonObject
                {
                    ["anyOf"] = new JsonArray(
                        [
                            .. parts.Select(part => (JsonNode)Reference($"{name}.{part.Id}")),
                            .. parts.Length == 0 ? [new JsonObject()] : Array.Empty<JsonNode>(),
                        ]),
                }),
        ];
        _definitions[name] = new JsonObject { ["type"] = new JsonArray("object", "string", "null"), ["allOf"] = rules };
        return Reference(name);
    }

    private static JsonObject Using(JsonObject value) =>
        new() { ["type"] = "object", ["properties"] = new JsonObject { ["use"] = value }, ["required"] = new JsonArray("use") };

    private static JsonObject When(JsonObject holds, JsonObject then) => new() { ["if"] = holds, ["then"] = then };

    private static JsonObject Words(IEnumerable<string> words) =>
        new() { ["enum"] = new JsonArray([.. words.Distinct().Select(word => JsonValue.Create(word))]) };

    private JsonObject Keys<TRecord>() =>
        new(((JsonObject)_records.Of(typeof(TRecord))["properties"]!)
            .Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)Written(entry.Value))));

    /// <summary>
    /// A value's schema for files: null takes a key out that an extended file has, a text may look like a number, and nothing is required.
    /// </summary>
    private static JsonNode? Written(JsonNode? schema)
    {
        if (schema is not JsonObject found)
            return schema?.DeepClone();
        var written = new JsonObject(
            found.Where(entry => entry.Key != "required").Select(entry => KeyValuePair.Create(entry.Key, entry.Key switch
            {
                "properties" =>
                    new JsonObject((entry.Value as JsonObject ?? []).Select(each => KeyValuePair.Create(each.Key, Written(each.Value)))),
                "items" or "additionalProperties" => Written(entry.Value),
                _ => entry.Value?.DeepClone(),
            })));
        if (found["type"]?.ToString() is { } type)
            written["type"] = type == "string" ? new JsonArray("string", "number", "boolean", "null") : new JsonArray(type, "null");
        if (written["enum"] is JsonArray names)
            names.Add(null);
        return written;
    }

    private static JsonObject Closed(JsonObject properties) =>
        new() { ["type"] = "object", ["properties"] = properties.DeepClone(), ["additionalProperties"] = false };

    private static JsonObject With(JsonObject properties, params (string Key, JsonNode Schema)[] more) =>
        With(properties, [.. more.Select(each => KeyValuePair.Create(each.Key, (JsonNode?)each.Schema))]);

    private static JsonObject With(JsonObject properties, IEnumerable<KeyValuePair<string, JsonNode?>> more)
    {
        var all = (JsonObject)properties.DeepClone();
        foreach (var (key, schema) in more)
            all[key] = schema?.DeepClone();
        return all;
    }

    private static JsonObject Either(params JsonNode[] schemas) =>
        new() { ["anyOf"] = new JsonArray([.. schemas.Select(schema => schema.DeepClone()), new JsonObject { ["type"] = "null" }]) };

    private static JsonObject List(JsonNode item) => new() { ["type"] = "array", ["items"] = item.DeepClone() };

    private static JsonObject Text() => new() { ["type"] = new JsonArray("string", "number", "boolean") };

    private static JsonObject Reference(string definition) => new() { ["$ref"] = $"#/{Definitions}/{definition}" };
}
