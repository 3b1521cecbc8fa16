using System.CommandLine;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using VoxelZoo.Abstractions;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Verbs.Parts;
using VoxelZoo.Host.WeightFiles;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Verbs.WeightFiles;

/// <summary>
/// <c>weights import FILE --as PART</c>: weights of another program, as <c>training.from</c> and <c>model forward</c> take them.
/// </summary>
internal sealed class WeightsImportVerb : Verb
{
    private readonly Argument<string> _file;
    private readonly Option<string> _as, _out;
    private readonly Option<string?> _member, _prefix;

    public WeightsImportVerb()
        : base("import", "Takes over weights of another program, and says with which options the network is theirs")
    {
        _file = With(
            new Argument<string>("FILE") { Description = "A state dict of PyTorch (.pt, .pth), of which no code is run, or safetensors" });
        _as = With(new Option<string>("--as")
        {
            Description = "The architecture or compressor whose weights they are, such as unet3d",
            HelpName = "PART",
            Required = true,
        });
        _out = With(WeightsOptions.Out("safetensors"));
        _member = With(WeightsOptions.Member());
        _prefix = With(new Option<string?>("--prefix")
        {
            Description = "Take only tensors whose names begin so, such as unet., and call them by the rest",
            HelpName = "TEXT",
        });
        With(CommonOptions.Set("num_head_channels=64"));
        With(CommonOptions.Json);
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (file, id, path) = (parse.GetRequiredValue(_file), parse.GetRequiredValue(_as), parse.GetRequiredValue(_out));
        if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            throw new UsageException($"--out {path}: imported weights are safetensors; name a file that ends so");
        OutFile.Require(path, ("FILE", file));
        using var host = ProgramHost.Build(parse);
        var registry = host.Services.GetRequiredService<PartRegistry>();
        using var tensors = ForeignWeights.Read(file, parse.GetValue(_member));
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var random = new RandomStreams(0);
        var isCompressor = registry.Ids("compressor").Contains(PartName.Parse(id).Id);
        var (section, assumed, named) = isCompressor
            ? Taken(
                registry.Get<ICompressor>(id),
                tensors,
                parse,
                (part, options) => part.Value.Create(options, host.Services.Context(random, part)))
            : Taken(
                registry.Get<IArchitecture>(id),
                tensors,
                parse,
                (part, options) => part.Value.Create(options, host.Services.Context(random, part)));
        TensorFile.Write(path, named);
        if (assumed.Count > 0)
            ConsoleObserver.Warn(
                $"no shape tells {string.Join(", ", assumed)}; what is written is assumed, "
                + "and the network is another one where it was otherwise: give them with --set");
        var kind = isCompressor ? "compressor" : "architecture";
        if (parse.GetValue(CommonOptions.Json))
            Output.Write(new JsonObject
            {
                [kind] = NodeJson.Of(section),
                ["assumed"] = new JsonArray([.. assumed.Select(key => JsonValue.Create(key))]),
                ["tensors"] = named.Count,
            });
        else
            Tell(path, named.Count, kind, section);
        return ExitCode.Done;
    }

    /// <summary>Says what was taken, and the section of an experiment that is of these weights.</summary>
    private static void Tell(string path, int tensors, string kind, MapNode section)
    {
        Output.Line(FormattableString.Invariant($"{Places.Shown(path)}: {tensors:N0} tensors of\n{kind}:"));
        foreach (var line in YamlWriter.Write(section).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Output.Line($"  {line}");
    }

    /// <summary>The options of a part with such weights, and these by its names; every tensor has its place in the network.</summary>
    private (MapNode Section, IReadOnlyList<string> Assumed, SortedDictionary<string, Tensor> Named) Taken<T>(
        Part<T> part, NamedTensors tensors, ParseResult parse, Func<Part<T>, object, nn.Module> create)
        where T : class, IPart
    {
        if (part.Value is not IReadsWeights reads)
            throw new UsageException(
                $"--as {part.Id}: this part does not tell its options from weights; "
                + "give them to `model forward` or an experiment, which take safetensors by its own names");
        var named = part.Call(_ => ForeignWeights.Named(tensors, reads, parse.GetValue(_prefix)));
        var (options, assumed) = ForeignWeights.Options(reads, part.Id, named, CommonOptions.Sets(parse));
        var bound = Binder.Bind(options, part.Value.OptionsType);
        using var module = options.Placed(() => part.Call(_ => ModuleTensors.Keep(create(part, bound))));
        TensorFile.Refusing(
            () =>
            {
                Tensors.Weights.Load(module, named, tensors.Source);
                return true;
            },
            tensors.Source);
        return (
            new MapNode(
                options.Position,
                [new MapEntry("use", options.Position, Assignment.NodeOf(part.Id, options.Position)), .. options.Entries]),
            assumed,
            named);
    }
}
