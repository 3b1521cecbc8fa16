using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>Turns and mirror images, which lose nothing of a volume.</summary>
internal static class Symmetries
{
    private static readonly Transform[] Turns = [new Turn(1), new Turn(2), new Turn(3)];

    private static readonly Transform[] Mirrors = [new Mirror(Transform.Depth), new Mirror(Transform.Height), new Mirror(Transform.Width)];

    /// <summary>The three quarter turns in the H–W plane and the mirror images along D, H and W, as far as they are switched on.</summary>
    /// <exception cref="PlanException">A turn of a grid that is not square.</exception>
    public static IReadOnlyList<Transform> Of(bool rotation, bool flip, VolumeShape grid)
    {
        if (rotation && grid.Height != grid.Width)
            throw new PlanException(
                $"a quarter turn needs a square plane, but the latent is {grid.Height}×{grid.Width}; set rotation: false", "rotation");
        return [.. rotation ? Turns : [], .. flip ? Mirrors : []];
    }
}
