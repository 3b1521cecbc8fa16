using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using VoxelZoo.Abstractions;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Host.Verbs.Parts;

/// <summary><c>model forward</c>: one forward pass of an architecture, on tensors from a file.</summary>
internal sealed class ModelForwardVerb : Verb
{
    private const string Condition = "condition";

    private readonly Option<string> _config, _weights, _inputs, _out;

    public ModelForwardVerb()
        : base("forward", "Runs an architecture once: `input`, `timesteps`, optional `condition` to `output`")
    {
        _config = With(TensorOptions.Config("architecture"));
        _weights = With(TensorOptions.Weights(required: true));
        _inputs = With(TensorOptions.Inputs());
        _out = With(TensorOptions.Out());
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        OutFile.Require(
            parse.GetRequiredValue(_out),
            (_config.Name, parse.GetValue(_config)), (_weights.Name, parse.GetValue(_weights)), (_inputs.Name, parse.GetValue(_inputs)));
        using var host = ProgramHost.Build(parse);
        var (architecture, options, file) = PartFile.Read<IArchitecture>(
            parse.GetRequiredValue(_config), "architecture", host.Services.GetRequiredService<PartRegistry>());
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var random = new RandomStreams(0);
        using var denoiser = file.Placed(
            () => architecture.Call(a => ModuleTensors.Keep(a.Create(options, host.Services.Context(random, architecture)))));
        TensorFile.Load(denoiser, parse.GetRequiredValue(_weights));
        denoiser.eval();

        using var inputs = TensorFile.Read(parse.GetRequiredValue(_inputs));
        var output = TensorFile.Compute(architecture, inputs, () => Forward(denoiser, inputs), Condition);
        TensorFile.Write(parse.GetRequiredValue(_out), [new("output", output)]);
        return ExitCode.Done;
    }

    private static Tensor Forward(Denoiser denoiser, NamedTensors inputs)
    {
        var input = inputs.Get("input", 5).to(float32);
        var timesteps = inputs.Get("timesteps", 1).to(float32);
        if (timesteps.shape[0] != input.shape[0])
            throw new UsageException(
                $"{inputs.Source}: `timesteps` is {TensorFile.Shape(timesteps)}, "
                + $"expected one for each of the {input.shape[0]} samples of `input`");

        var condition = inputs.ContainsKey(Condition) ? inputs.Get(Condition, 5).to(float32) : null;
        return denoiser.call(input, timesteps, new Conditioning { Image = condition });
    }
}
