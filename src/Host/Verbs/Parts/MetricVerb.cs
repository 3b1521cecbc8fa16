using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using VoxelZoo.Abstractions;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Features;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Verbs.Parts;

/// <summary><c>metric ID</c>: one metric on tensors from a file.</summary>
internal sealed class MetricVerb : Verb
{
    private readonly Argument<string> _id;
    private readonly Option<string> _inputs;

    public MetricVerb()
        : base("metric", "Computes a metric on `reference`, `generated` or `features_real`, `features_generated`")
    {
        _id = With(new Argument<string>("ID") { Description = "The metric's id" });
        _inputs = With(TensorOptions.Inputs());
        _inputs.Required = false; // a metric that there is not is said first; then it is
        With(CommonOptions.Set("data_range=1"));
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var host = ProgramHost.Build(parse);
        var part = host.Services.GetRequiredService<PartRegistry>().Get<IMetric>(parse.GetRequiredValue(_id));
        var section = ExperimentFile.FromSets(CommonOptions.Sets(parse), $"metric {part.Id}");
        var options = Binder.Bind(section, part.Value.OptionsType);
        var file = parse.GetValue(_inputs)
            ?? throw new UsageException($"Option '{_inputs.Name}' is required; see `voxelzoo {Name} --help`");

        foreach (var network in part.Call(m => m.Networks(options)).Where(path => File.Exists(path) && !FeatureNetwork.IsOne(path)))
        {
            if (NetworkTrial.Try(network) is { } sentence)
                throw new UsageException($"{part.Id}: {sentence}");
        }

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var random = new RandomStreams(0);
        var metric = section.Placed(() => part.Call(m => m.Create(options, host.Services.Context(random, part))));
        using var inputs = TensorFile.Read(file);
        var result = TensorFile.Compute(part, inputs, () => Compute(metric, inputs));
        Output.Write(parse, () => Json(result), () => Output.Facts(Facts(part.Id, result)));
        return ExitCode.Done;
    }

    private static MetricResult Compute(Metric metric, NamedTensors inputs)
    {
        if (metric is SetMetric { NeedsMasks: true } masked)
            return masked.Compare(
                masked.MaskedFeatures(inputs.Get("reference", 5), inputs.Get("masks_reference", 5)),
                masked.MaskedFeatures(inputs.Get("generated", 5), inputs.Get("masks_generated", 5)));
        if (metric.Needs != MetricInputKind.Features)
            return metric.Compute(inputs.Get("reference", 5), inputs.Get("generated", 5));
        return metric is SetMetric set
            && inputs.Keys.Concat(inputs.Unsupported.Keys).Any(name => name is "volumes_real" or "volumes_generated")
            ? set.Compare(Features(inputs, "real"), Features(inputs, "generated"))
            : metric.Compute(inputs.Get("features_real", 2), inputs.Get("features_generated", 2));
    }

    /// <summary>Features of a file, and the volumes that they are of, where it says.</summary>
    private static FeatureSet Features(NamedTensors inputs, string which)
    {
        var (rows, name) = (inputs.Get($"features_{which}", 2), $"volumes_{which}");
        if (!inputs.ContainsKey(name) && !inputs.Unsupported.ContainsKey(name))
            return FeatureSet.OneRowEach(rows);
        var volumes = inputs.Get(name, 1);
        if (volumes.is_floating_point() || volumes.is_complex() || volumes.shape[0] != rows.shape[0])
            throw new UsageException(
                $"{inputs.Source}: `{name}` is {volumes.dtype} {TensorFile.Shape(volumes)}, "
                + $"expected a whole number for each of the {rows.shape[0]} rows of `features_{which}`: that of its volume");
        return new FeatureSet(rows, volumes.to(ScalarType.Int64).data<long>().ToArray());
    }

    private static JsonObject Json(MetricResult result)
    {
        var json = new JsonObject
        {
            ["value"] = Output.Number(result.Value),
            ["values"] = new JsonArray([.. result.Values.Select(Output.Number)]),
        };
        if (result.Interval is { } interval)
            json["interval"] = new JsonObject
            {
                ["low"] = Output.Number(interval.Low),
                ["high"] = Output.Number(interval.High),
                ["level"] = interval.Level,
            };
        if (result.Details.Count > 0)
            json["details"] = new JsonObject(result.Details.Select(d => KeyValuePair.Create(d.Key, Output.Number(d.Value))));
        if (result.Extractor is { } extractor)
            json["extractor"] = extractor;
        if (result.Warnings.Count > 0)
            json["warnings"] = new JsonArray([.. result.Warnings.Select(w => JsonValue.Create(w))]);
        return json;
    }

    private static IEnumerable<(string, string)> Facts(string id, MetricResult result) =>
    [
        (id, Show(result.Value)),
        .. result.Values.Count > 1 ? result.Values.Select((v, i) => ($"{id}[{i}]", Show(v))) : [],
        .. result.Interval is { } interval
            ? [($"{interval.Level * 100:G4} % interval", $"{Show(interval.Low)} to {Show(interval.High)}")]
            : Array.Empty<(string, string)>(),
        .. result.Details.Select(d => (d.Key, Show(d.Value))),
        .. result.Extractor is { } extractor ? [("extractor", extractor)] : Array.Empty<(string, string)>(),
        .. result.Warnings.Select(w => ("warning", w)),
    ];

    private static string Show(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
}
