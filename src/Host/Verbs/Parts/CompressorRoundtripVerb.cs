using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using VoxelZoo.Abstractions;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using static TorchSharp.torch;
using VoxelZoo.Tensors;

namespace VoxelZoo.Host.Verbs.Parts;

/// <summary><c>compressor roundtrip</c>: encodes and decodes volumes from a file.</summary>
internal sealed class CompressorRoundtripVerb : Verb
{
    private readonly Option<string> _config, _weights, _inputs, _out;

    public CompressorRoundtripVerb()
        : base("roundtrip", "Encodes and decodes `input` to `latent`, `reconstruction`")
    {
        _config = With(TensorOptions.Config("compressor"));
        _weights = With(TensorOptions.Weights(required: false));
        _inputs = With(TensorOptions.Inputs());
        _out = With(TensorOptions.Out());
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        OutFile.Require(
            parse.GetRequiredValue(_out),
            (_config.Name, parse.GetValue(_config)), (_weights.Name, parse.GetValue(_weights)), (_inputs.Name, parse.GetValue(_inputs)));
        using var host = ProgramHost.Build(parse);
        var (part, options, file) = PartFile.Read<ICompressor>(
            parse.GetRequiredValue(_config), "compressor", host.Services.GetRequiredService<PartRegistry>());
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        using var random = new RandomStreams(0);
        using var compressor = file.Placed(
            () => part.Call(c => ModuleTensors.Keep(c.Create(options, host.Services.Context(random, part)))));
        LoadWeights(part, compressor, parse.GetValue(_weights));
        compressor.eval();

        using var inputs = TensorFile.Read(parse.GetRequiredValue(_inputs));
        var input = inputs.Get("input", 5).to(float32);
        // convolutions with a stride take any size, and give back less than they were given
        TensorFile.Compute(part, inputs, () => part.Call(c => c.LatentShape(options, VolumeShape.Of(input))));
        var tensors = TensorFile.Compute(part, inputs, () => compressor.Roundtrip(input));
        TensorFile.Write(parse.GetRequiredValue(_out), tensors);
        return ExitCode.Done;
    }

    private static void LoadWeights(Part<ICompressor> part, Compressor compressor, string? weights)
    {
        if (weights is not null)
            TensorFile.Load(compressor, weights);
        else if (part.Value.IsLearned)
            throw new UsageException($"the compressor `{part.Id}` is learned: name its weights with --weights");
    }
}
