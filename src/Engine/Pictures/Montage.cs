using SkiaSharp;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Pictures;

/// <summary>
/// Pictures of volumes: a row for each volume with an axial, a coronal and a sagittal slice, all at the same scale, the nose up or to the
/// left and the patient's right on the left. A mask is drawn as an outline and decides which slices are shown. There is no text in it:
/// fonts are not to be had on every cluster.
/// </summary>
public static class Montage
{
    private const int Gap = 4;
    private static readonly SKColor Outline = new(255, 80, 60);

    /// <summary>Writes the montage as PNG.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="rows">The volumes.</param>
    /// <param name="spacing">Voxel size along the axes of the volumes' tensors, so that bodies keep their proportions.</param>
    /// <param name="pixelsPerMillimetre">Scale of the picture.</param>
    public static void Write(Stream stream, IReadOnlyList<MontageRow> rows, Spacing spacing, double pixelsPerMillimetre = 1)
    {
        var panels = rows.Select(row => Panels(row, row.Turn.Turned(spacing), pixelsPerMillimetre)).ToArray();
        var width = panels.Max(row => row.Sum(p => p.Width + Gap)) + Gap;
        var height = panels.Sum(row => row.Max(p => p.Height) + Gap) + Gap;
        using var surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        surface.Canvas.Clear(SKColors.Black);
        var y = Gap;
        foreach (var row in panels)
        {
            var x = Gap;
            foreach (var panel in row)
            {
                surface.Canvas.DrawBitmap(panel, x, y);
                x += panel.Width + Gap;
            }

            y += row.Max(p => p.Height) + Gap;
        }

        foreach (var panel in panels.SelectMany(row => row))
            panel.Dispose();
        using var image = surface.Snapshot();
        using var data = image.Encode(SKEncodedImageFormat.Png, 100);
        data.SaveTo(stream);
    }

    private static SKBitmap[] Panels(MontageRow row, Spacing spacing, double scale)
    {
        var (d, h, w) = (row.Depth, row.Height, row.Width);
        int mm(double pixels, double pitch) => Math.Max(1, (int)Math.Round(pixels * pitch * scale));
        return
        [
            // axial: rows are H; coronal and sagittal: the vertex, the last slice, is on top
            Panel(h, w, row.Axial, mm(h, spacing.Height), mm(w, spacing.Width)),
            Panel(d, w, (y, x) => row.Coronal(d - 1 - y, x), mm(d, spacing.Depth), mm(w, spacing.Width)),
            Panel(d, h, (y, x) => row.Sagittal(d - 1 - y, x), mm(d, spacing.Depth), mm(h, spacing.Height)),
        ];
    }

    private static SKBitmap Panel(int rows, int columns, Func<int, int, (float Intensity, bool Marked)> at, int height, int width)
    {
        using var slice = new SKBitmap(columns, rows, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var y = 0; y < rows; y++)
        {
            for (var x = 0; x < columns; x++)
            {
                var level = (byte)Math.Round(Math.Clamp(at(y, x).Intensity, 0f, 1f) * 255);
                slice.SetPixel(x, y, new SKColor(level, level, level));
            }
        }

        var panel = slice.Resize(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque), SKFilterQuality.High);
        // the outline is drawn at the panel's resolution: marked pixels that have an unmarked neighbour
        bool marked(int y, int x) => y >= 0 && x >= 0 && y < height && x < width && at(y * rows / height, x * columns / width).Marked;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                if (marked(y, x) && !(marked(y - 1, x) && marked(y + 1, x) && marked(y, x - 1) && marked(y, x + 1)))
                    panel.SetPixel(x, y, Outline);
            }
        }

        return panel;
    }
}
