using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Compression;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Training;

public sealed class PerceptualLossTests : IDisposable
{
    // the features of intensity x are x and 1 − x
    private const string Intensity = "_0 = torch.slice(x, 1, 0, 1)\nreturn torch.cat([_0, torch.rsub(_0, 1.)], 1)";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private PerceptualLoss Loss(string body = Intensity, double fraction = 1, string returns = "Tensor") =>
        new(
            new PerceptualOptions
            {
                Network = TorchScriptFile.Write(Path.Combine(_folder.Path, "network.pt"), body, returns),
                SliceFraction = fraction,
            },
            (4, 4),
            CPU);

    private static Tensor Constant(params float[] slices) => tensor(slices).view(1, 1, -1, 1, 1).expand(1, 1, -1, 4, 4);

    private static double Distance(double a, double b)
    {
        var (na, nb) = (Math.Sqrt(a * a + (1 - a) * (1 - a)), Math.Sqrt(b * b + (1 - b) * (1 - b)));
        return 2 - 2 * (a * b + (1 - a) * (1 - b)) / (na * nb);
    }

    [Fact]
    public void Loss_is_the_mean_squared_distance_of_unit_features()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        using var loss = Loss();

        var found = loss.Of(Constant(0.2f, 0.9f), Constant(0.5f, 0.4f), random).item<float>();

        Assert.Equal((Distance(0.2, 0.5) + Distance(0.9, 0.4)) / 2, found, 1e-6);
    }

    [Fact]
    public void Grey_is_shown_as_three_channels()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        // every grey has the direction (1, 1, 1)
        using var loss = Loss("return x");

        Assert.Equal(0, loss.Of(Constant(0.2f), Constant(0.7f), random).item<float>(), 1e-6);
    }

    [Fact]
    public void Layers_of_a_network_with_several_are_added()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        using var loss = Loss(
            "_0 = torch.slice(x, 1, 0, 1)\n_1 = torch.cat([_0, torch.rsub(_0, 1.)], 1)\nreturn [_1, _1]", returns: "List[Tensor]");

        Assert.Equal(2 * Distance(0.2, 0.5), loss.Of(Constant(0.2f), Constant(0.5f), random).item<float>(), 1e-6);
    }

    [Fact]
    public void Gradient_reaches_the_reconstruction()
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        using var loss = Loss();
        var reconstruction = Constant(0.2f).clone().requires_grad_(true);

        loss.Of(reconstruction, Constant(0.5f), random).backward();

        Assert.True(reconstruction.grad!.abs().sum().item<float>() > 0);
    }

    [Theory]
    [InlineData(0.25, 2)]
    [InlineData(0.4, 3)]
    [InlineData(0.01, 1)]
    public void Only_a_part_of_the_slices_is_compared(double fraction, int count)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(1);
        using var loss = Loss(fraction: fraction);
        // one slice of eight differs; a draw that holds it has its distance over the number of slices drawn
        var (made, real) =
            (Constant(0.2f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f), Constant(0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f));

        var found = Enumerable.Range(0, 400).Select(_ => loss.Of(made, real, random).item<float>()).ToArray();

        Assert.Equal(
            [0, Math.Round(Distance(0.2, 0.5) / count, 5)], found.Select(value => Math.Abs(Math.Round(value, 5))).Distinct().Order());
        Assert.Equal(count / 8.0, found.Count(value => value > 1e-4) / 400.0, 0.1);
    }

    [Fact]
    public void File_that_is_not_torchscript_is_refused()
    {
        var file = Path.Combine(_folder.Path, "weights.pt");
        File.WriteAllText(file, "not a network");

        var refusal = Assert.Throws<PlanException>(() => new PerceptualLoss(new PerceptualOptions { Network = file }, (4, 4), CPU));

        Assert.Equal(("training", "perceptual.network"), (refusal.Section, refusal.Key));
        Assert.StartsWith($"{file} is not a TorchScript file: ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Theory]
    [InlineData("return torch.reshape(x, [7, 5])", "Tensor", "cannot take a slice [1, 3, 4, 4]: ")]
    [InlineData("return torch.sum(x)", "Tensor", "returns features [] of a slice; expected are [n, c, h, w]")]
    [InlineData("return 3", "int", "cannot take a slice [1, 3, 4, 4]: it returns ")]
    public void Network_that_is_of_no_use_is_refused(string body, string returns, string sentence)
    {
        var refusal = Assert.Throws<PlanException>(() => Loss(body, returns: returns));

        Assert.Contains(sentence, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void Pipe_in_the_place_of_the_network_is_refused_without_being_opened()
    {
        var pipe = Path.Combine(_folder.Path, "network.pt");
        using var made = System.Diagnostics.Process.Start("mkfifo", [pipe]);
        made.WaitForExit();
        Assert.Contains(
            "not a file but a pipe", Assert.Throws<PlanException>(() => PerceptualLoss.Try(pipe)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "not a file but a pipe",
            Assert.Throws<PlanException>(() => PerceptualLoss.Try(pipe, 32, 32)).Message,
            StringComparison.Ordinal);
    }
}
