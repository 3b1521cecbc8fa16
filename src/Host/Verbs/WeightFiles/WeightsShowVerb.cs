using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Verbs.Parts;
using VoxelZoo.Host.WeightFiles;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Verbs.WeightFiles;

/// <summary><c>weights show FILE</c>: the tensors of a file.</summary>
internal sealed class WeightsShowVerb : Verb
{
    private readonly Argument<string> _file;
    private readonly Option<string?> _member;

    public WeightsShowVerb()
        : base("show", "Lists the tensors of a file: names, dtypes, shapes")
    {
        _file = With(new Argument<string>("FILE") { Description = "Safetensors, or a state dict of PyTorch, of which no code is run" });
        _member = With(WeightsOptions.Member());
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        NativeTorch.Load();
        using var tensors = ForeignWeights.Read(parse.GetRequiredValue(_file), parse.GetValue(_member));
        Output.Write(parse, () => Json(tensors), () => Table(tensors));
        return ExitCode.Done;
    }

    private static JsonArray Json(NamedTensors tensors) =>
    [
        .. tensors.Select(one => new JsonObject
        {
            ["name"] = one.Key,
            ["dtype"] = Dtype(one.Value.dtype),
            ["shape"] = new JsonArray([.. one.Value.shape.Select(size => JsonValue.Create(size))]),
        }),
        .. tensors.Unsupported.Select(one => new JsonObject { ["name"] = one.Key, ["dtype"] = one.Value, ["shape"] = null }),
    ];

    private static IRenderable Table(NamedTensors tensors)
    {
        var table = Output.Table("tensor", "dtype", "shape");
        foreach (var (name, tensor) in tensors)
            table.AddRow(Output.Text(name), Output.Text(Dtype(tensor.dtype)), Output.Text(TensorFile.Shape(tensor)));
        foreach (var (name, dtype) in tensors.Unsupported)
            table.AddRow(Output.Text(name), Output.Text(dtype), Output.Text("cannot be read"));
        var numbers = tensors.Values.Sum(tensor => tensor.numel());
        return new Rows(
            table,
            Output.Text(FormattableString.Invariant($"{tensors.Count + tensors.Unsupported.Count:N0} tensors, {numbers:N0} numbers")));
    }

    private static string Dtype(TorchSharp.torch.ScalarType type) => type.ToString().ToLowerInvariant();
}
