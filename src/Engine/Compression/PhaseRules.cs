using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Compression;

/// <summary>What the phases of a training must hold to. Names of the compressor's own losses are known at its first pass only.</summary>
internal static class PhaseRules
{
    /// <summary>Refuses phases that cannot be trained.</summary>
    public static void Validate(CompressionPlan plan)
    {
        var phases = plan.Compression.Phases;
        if (phases.Count == 0)
            throw Refusal("phases", "training.phases is empty; add at least one phase, such as {epochs: 100, losses: {l1: 1}}");
        var (fitting, other) = plan.IsOfMasks ? (LossNames.OfMasks, LossNames.OfImages) : (LossNames.OfImages, LossNames.OfMasks);
        for (var i = 0; i < phases.Count; i++)
        {
            foreach (var (name, weight) in phases[i].Losses)
            {
                if (!double.IsFinite(weight) || weight < 0)
                    throw Refusal(
                        $"phases.{i}.losses.{name}",
                        FormattableString.Invariant(
                            $"the weight {weight} of `{name}` is not a number from 0; use 0 to leave the loss out"));
                if (other.Contains(name))
                    throw Refusal(
                        $"phases.{i}.losses.{name}",
                        $"`{name}` is a loss of {(plan.IsOfMasks ? "images" : "masks")}, "
                        + $"and the target is {string.Join(", ", plan.Target)}; use {string.Join(", ", fitting)}");
                if (phases[i].Trains == TrainedPart.Head && weight > 0 && LossNames.IsCompressors(name))
                    throw Refusal(
                        $"phases.{i}.losses.{name}",
                        $"`{name}` is no loss of a reconstruction, and a phase that trains the head leaves everything else as it is; "
                        + $"use {string.Join(", ", fitting)}");
            }

            if (!phases[i].Losses.Any(loss => loss.Value > 0 && LossNames.OfReconstructions.Contains(loss.Key)))
                throw Refusal(
                    $"phases.{i}.losses",
                    $"phase {i + 1} weighs no loss that compares the reconstruction with the volume; "
                    + $"add one of {string.Join(", ", fitting.Intersect(LossNames.OfReconstructions))}");
        }
    }

    /// <summary>Refuses names that are neither the engine's nor among <paramref name="own"/>, the compressor's.</summary>
    public static void ValidateNames(CompressionPlan plan, IReadOnlyCollection<string> own)
    {
        string[] known = [.. plan.IsOfMasks ? LossNames.OfMasks : LossNames.OfImages, .. own];
        for (var i = 0; i < plan.Compression.Phases.Count; i++)
        {
            if (plan.Compression.Phases[i].Losses.Keys.Except(known).FirstOrDefault() is { } unknown)
                throw Refusal(
                    $"phases.{i}.losses.{unknown}",
                    $"there is no loss `{unknown}` with the compressor `{plan.Compressor.Id}`{Spelling.Suggestion(unknown, known)} "
                    + $"(losses: {string.Join(", ", known)})");
        }
    }

    private static PlanException Refusal(string key, string message) => new PlanException(message, key).In("training");
}
