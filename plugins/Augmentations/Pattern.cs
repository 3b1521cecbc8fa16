using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>
/// One of 16 fixed patterns of the H–W plane set to 0, the same at every depth. They are the original's, whose random ones NumPy drew; here
/// they are pictures, so that an id means the same for ever.
/// </summary>
/// <param name="Id">0 to 15.</param>
internal sealed record Pattern(int Id) : Transform
{
    public const int Count = 16;

    // rows from top to bottom, columns from left to right; # is set to 0
    private static readonly string[] Pictures =
    [
        "#.#. .#.# #.#. .#.#", // checkerboard of 4×4
        ".#.# #.#. .#.# #.#.", // checkerboard of 4×4, the other fields
        "#.#.#.#. .#.#.#.# #.#.#.#. .#.#.#.# #.#.#.#. .#.#.#.# #.#.#.#. .#.#.#.#", // checkerboard of 8×8
        ".#.#.#.# #.#.#.#. .#.#.#.# #.#.#.#. .#.#.#.# #.#.#.#. .#.#.#.# #.#.#.#.", // checkerboard of 8×8, the other fields
        "##.. .#.. .... ..#.", // 25 % of 4×4, seed 42
        "#... #..# ..#. ....", // 25 % of 4×4, seed 123
        "##.. .#.. ##.# .##.", // 50 % of 4×4, seed 42
        "#... ##.# #### ....", // 50 % of 4×4, seed 123
        "##...... ##...... ........ ........ ........ ........ ......## ......##", // two corners
        "......## ......## ........ ........ ........ ........ ##...... ##......", // the other two
        "...##... ...##... ........ ........ ........ ........ ##....## ##....##", // an edge and two corners
        "##....## ##....## ........ ........ ........ ........ ##....## ##....##", // four corners
        "#....#.. .#..##.. #....... .#...... ..#.#... #...#... ..#.#... #.#..#..", // 25 % of 8×8, seed 42
        "........ .....#.# ..#....# #..#..## .......# #..##... ...#.#.. .#.....#", // 25 % of 8×8, seed 123
        "#..####. ##..##.. ##.#.... .#....## .##.#... ##..#..# .##.#.## #.####..", // 50 % of 8×8, seed 42
        "##...##. #.####.# ..#..#.# #.##.### ...#...# ##.##... ...#.##. .###...#", // 50 % of 8×8, seed 123
    ];

    private const int FinestRows = 8;

    /// <summary>Refuses a plane that has fewer voxels than the finest pattern has fields.</summary>
    public static void Require(VolumeShape grid)
    {
        if (Math.Min(grid.Height, grid.Width) < FinestRows)
            throw new PlanException(
                $"patterns divide the plane into {FinestRows}×{FinestRows} fields, but the latent has {grid.Height}×{grid.Width} "
                + "voxels; set patterns: false",
                "patterns");
    }

    public override Tensor Move(Tensor weights) => weights.alias();

    public override Tensor Apply(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (x * Kept((int)x.shape[Height], (int)x.shape[Width]).to(x.dtype).to(x.device)).MoveToOuterDisposeScope();
    }

    public override void Describe(Span<float> omega)
    {
        omega[Omega.PatternActive] = 1;
        omega[Omega.Pattern + Id] = 1;
    }

    /// <summary>1 where the volume stays, 0 in the holes; fields differ by at most one voxel where the plane does not divide.</summary>
    private Tensor Kept(int height, int width)
    {
        var rows = Pictures[Id].Split(' ');
        var kept = new float[height * width];
        for (var row = 0; row < height; row++)
            for (var column = 0; column < width; column++)
                kept[row * width + column] = rows[row * rows.Length / height][column * rows.Length / width] == '#' ? 0 : 1;
        return tensor(kept, [height, width]);
    }
}
