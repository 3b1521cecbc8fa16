using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Diagnosis;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors.Convolutions;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>doctor</c>: whether what this machine computes can be trusted, and what else a run will meet on it.</summary>
internal sealed class DoctorVerb : Verb
{
    public DoctorVerb()
        : base(
            "doctor",
            "Says whether this machine's results can be trusted: tries 408 convolutions, and looks at plugins, SLURM, "
            + "MPI, GPU, memory and disk") =>
            With(CommonOptions.Json);

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var native = NativeState.Load();
        var loads = native.Fault is null;
        var matrix = loads ? Matrix() : new JsonObject { ["tried"] = 0, ["wrong"] = 0 };
        var trustworthy = loads && (int)matrix["wrong"]! == 0;
        var catalogue = ProgramHost.Catalogue(parse);
        var facts = new JsonObject
        {
            ["trustworthy"] = trustworthy,
            ["fault"] = native.Fault,
            ["cpu"] = loads ? CpuName() : null,
            ["isa"] = loads ? InstructionSet() : null,
            ["caches"] = native.Caches is not { } caches ? null : new JsonArray(
                [
                    .. caches.Select(
                        cache => new JsonObject { ["level"] = cache.Level, ["bytes"] = cache.Bytes, ["sharing"] = cache.Sharing }),
                ]),
            ["libtorch"] = native.Libtorch,
            ["cures"] = new JsonArray([.. native.Cures.Select(cure => JsonValue.Create(cure))]),
            ["convolutions"] = matrix,
            ["plugins"] = new JsonObject
            {
                ["found"] = catalogue.Plugins.Length,
                ["refused"] = new JsonArray(
                    [
                        .. catalogue.Plugins.Where(p => p.Reason is not null)
                            .Select(p => new JsonObject { ["id"] = p.Id, ["reason"] = p.Reason }),
                    ]),
            },
            ["slurm"] = Machine.Slurm(),
            ["mpi"] = Machine.Mpi(),
            ["gpu"] = loads ? Machine.Gpus() : null,
            ["memory"] = loads ? Machine.Memory() : null,
            ["disk"] = Machine.Disk(),
        };
        Output.Write(parse, () => facts, () => Output.Facts(Words(facts)));
        return trustworthy ? ExitCode.Done : ExitCode.Failed;
    }

    // methods of their own: where libtorch does not load, whatever names that assembly throws when it is compiled
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static JsonObject Matrix()
    {
        // tensors of a few thousand elements spend more time on waking threads than on numbers, minutes beside a busy machine
        TorchSharp.torch.set_num_threads(1);
        var outcome = ConvolutionMatrix.Run();
        return new JsonObject
        {
            ["tried"] = outcome.Tried,
            ["wrong"] = outcome.Wrong.Count,
            ["in_float32"] = outcome.Replaced,
            ["wrong_ones"] = new JsonArray([.. outcome.Wrong.Select(wrong => JsonValue.Create(wrong))]),
        };
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string CpuName() => CpuFacts.Name;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string InstructionSet() =>
        Environment.GetEnvironmentVariable(CpuFacts.LimitVariable) is { Length: > 0 } limit
            ? $"{CpuFacts.InstructionSet} ({CpuFacts.LimitVariable}={limit})"
            : CpuFacts.InstructionSet;

    private static IEnumerable<(string Name, string Value)> Words(JsonObject facts)
    {
        var convolutions = facts["convolutions"]!;
        yield return (
            "results",
            (bool)facts["trustworthy"]!
                ? "can be trusted on this machine"
                : "CANNOT BE TRUSTED on this machine: "
                    + $"{facts["fault"] ?? $"{convolutions["wrong"]} of {convolutions["tried"]} convolutions are wrong"}");
        yield return ("convolutions", $"{convolutions["tried"]} tried in float32 and bfloat16, {convolutions["wrong"]} wrong");
        foreach (var wrong in ((JsonArray?)convolutions["wrong_ones"] ?? []).Take(3))
            yield return ("", $"{wrong}");
        foreach (var cure in (JsonArray)facts["cures"]!)
            yield return ("cured", $"{cure}");
        yield return ("CPU", $"{facts["cpu"]}, {facts["isa"]}");
        yield return ("caches", facts["caches"] is JsonArray caches
            ? string.Join(", ", caches.Select(cache => $"L{cache!["level"]} {(long)cache["bytes"]! / 1024} KiB")) + ", as oneDNN sees them"
            : "oneDNN does not say");
        yield return ("libtorch", $"{facts["libtorch"] ?? "does not load"}");
        var (found, refused) = ((int)facts["plugins"]!["found"]!, (JsonArray)facts["plugins"]!["refused"]!);
        yield return (
            "plugins",
            $"{found} found, {found - refused.Count} usable{(refused.Count == 0 ? "" : "; `voxelzoo plugins doctor` says why")}");
        yield return ("SLURM", facts["slurm"] is { } slurm ? $"{slurm["version"]}{Starts(slurm["reason"])}" : "not installed");
        yield return ("Open MPI", facts["mpi"] is { } mpi ? $"{mpi["library"]}" : "not installed");
        yield return (
            "GPU",
            facts["gpu"] is JsonArray { Count: > 0 } gpus
                ? string.Join(
                    ", ",
                    gpus.Select(
                        gpu => $"cuda:{gpu!["index"]} with {Machine.Shown(gpu["free_mebibytes"])} of "
                            + $"{Machine.Shown(gpu["total_mebibytes"])} free"))
                : "none");
        yield return (
            "memory",
            facts["memory"] is { } memory
                ? $"{Machine.Shown(memory["available_mebibytes"])} of {Machine.Shown(memory["total_mebibytes"])} left"
                : "unknown");
        yield return (
            "disk",
            string.Join(
                ", ",
                ((JsonArray)facts["disk"]!).Select(disk => disk!["free_mebibytes"] is null
                    ? $"no folder {disk["path"]}"
                    : $"{Machine.Shown(disk["free_mebibytes"])} free in {disk["path"]}")));
    }

    private static string Starts(JsonNode? reason) => reason is null
        ? ", starts several processes by PMIx"
        : $"; several processes need Open MPI's own mpirun: {reason}";
}
