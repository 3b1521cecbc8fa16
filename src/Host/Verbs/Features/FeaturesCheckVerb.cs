using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Verbs.Parts;
using VoxelZoo.Tensors.Features;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Verbs.Features;

/// <summary><c>features check FILE</c>: whether metrics can read a file of features, and what it holds.</summary>
internal sealed class FeaturesCheckVerb : Verb
{
    private readonly Argument<string> _file;

    public FeaturesCheckVerb()
        : base("check", "Reads a file of features as metrics do, and shows network, hashes and preprocessing")
    {
        _file = With(new Argument<string>("FILE") { Description = "What `features export` wrote" });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        NativeTorch.Load();
        Write(parse, parse.GetRequiredValue(_file));
        return ExitCode.Done;
    }

    /// <summary>Reads a file of features and prints its facts.</summary>
    public static void Write(ParseResult parse, string path)
    {
        using var network = TensorFile.Refusing(() => FeatureNetwork.Load(path, CPU), path);
        var kind = network.Kind;
        (string Name, string Value)[] facts =
        [
            ("network", kind.Id), ("file", path), ("sha256", network.Sha256), ("weights", kind.Weights),
            ("source_sha256", network.SourceSha256),
            ("dimensions", kind.Dimensions.ToString(CultureInfo.InvariantCulture)), ("preprocessing", kind.Preprocessing),
            ("preprocessing_sha256", kind.PreprocessingSha256),
        ];
        Output.Write(
            parse, () => new JsonObject(facts.Select(fact => KeyValuePair.Create(fact.Name, Value(fact)))), () => Output.Facts(facts));

        JsonNode? Value((string Name, string Value) fact) =>
            fact.Name == "dimensions" ? JsonValue.Create(kind.Dimensions) : JsonValue.Create(fact.Value);
    }
}
