using System.CommandLine;
using VoxelZoo.Engine;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Verbs.Parts;
using VoxelZoo.Tensors.Features;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Verbs.Features;

/// <summary><c>features export NETWORK</c>: the file that metrics read, of weights that the user has.</summary>
internal sealed class FeaturesExportVerb : Verb
{
    private readonly Argument<string> _network;
    private readonly Option<string> _weights, _out;

    public FeaturesExportVerb()
        : base("export", "Checks a network's weights and writes them, with their preprocessing, as a file of features")
    {
        _network = With(new Argument<string>("NETWORK") { Description = "The network, as `features list` names it" });
        _weights = With(new Option<string>("--weights")
        {
            Description = "Its weights, a state dict of PyTorch or safetensors, with the names that its public implementation has",
            HelpName = "FILE",
            Required = true,
        });
        _out = With(new Option<string>("--out") { Description = "The file to write", HelpName = "FILE.safetensors", Required = true });
    }

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (kind, weights, path) =
            (Kind(parse.GetRequiredValue(_network)), parse.GetRequiredValue(_weights), parse.GetRequiredValue(_out));
        if (!FeatureNetwork.IsOne(path))
            throw new UsageException($"--out {path}: a file of features ends with {FeatureNetwork.Extension}, by which metrics know it");
        OutFile.Require(path, (_weights.Name, weights));
        NativeTorch.Load();
        var foreign = TensorFile.Refusing(() => FeatureNetwork.Export(kind, weights, path), File.Exists(weights) ? path : weights);
        if (foreign.Count > 0)
            ConsoleObserver.Warn(
                $"left out of {weights}, because it is not of {kind.Id}: "
                + $"{string.Join(", ", foreign.Take(3))}{(foreign.Count > 3 ? $" and {foreign.Count - 3} more" : "")}");
        FeaturesCheckVerb.Write(parse, path);
        return ExitCode.Done;
    }

    private static FeatureNetworkKind Kind(string id) =>
        FeatureNetworkKind.All.FirstOrDefault(kind => kind.Id == id)
        ?? throw new UsageException(
            $"there is no network `{id}`; name one of {string.Join(", ", FeatureNetworkKind.All.Select(kind => kind.Id))}"
            + $"{Spelling.Suggestion(id, FeatureNetworkKind.All.Select(kind => kind.Id))}");
}
