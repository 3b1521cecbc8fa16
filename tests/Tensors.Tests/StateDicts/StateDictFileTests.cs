using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.StateDicts;

/// <summary>Files that PyTorch 1.13 saved: <c>tests/Reference/state_dict.py</c>.</summary>
public sealed class StateDictFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-states-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("state-dict.pth")]
    [InlineData("state-dict-legacy.pth")]
    [InlineData("state-dict-checkpoint.pth")]
    public void Tensors_are_those_that_were_saved(string name)
    {
        using var scope = NewDisposeScope();
        using var state = StateDictFile.Read(ReferenceFile.PathOf(name));
        var row = arange(Scalars.S(24L), ScalarType.Float32);

        Same(row.view(2, 3, 4), "plain");
        Same(row[..6] * Scalars.S(0.5), "parameter");
        Same(row.view(4, 6).t(), "transposed");
        Same(row[20..], "tail");
        Same(tensor(new[] { 1.5f, -2 }).to(ScalarType.Float16), "half");
        Same(tensor(new[] { 3f, -0.5f }).to(ScalarType.BFloat16), "bfloat");
        Same(tensor(7L), "count");
        Same(tensor(new[] { true, false, true }), "mask");
        Assert.Equal([0L, 3], state["empty"].shape);
        Same(ones(3), "norm.weight");
        Same(tensor(0L), "norm.num_batches_tracked");
        Assert.Equal(14, state.Count);

        void Same(Tensor expected, string key)
        {
            Assert.Equal(expected.dtype, state[key].dtype);
            Assert.Equal(expected.shape, state[key].shape);
            Assert.True(state[key].eq(expected).all().item<bool>(), key);
            Assert.True(state[key].is_contiguous());
        }
    }

    [Fact]
    public void What_is_no_dictionary_of_tensors_is_refused_in_one_sentence()
    {
        Refused("it makes a torch.nn.modules.batchnorm.BatchNorm2d", ReferenceFile.PathOf("module.pth"));
        Refused("it does not begin as one", Written("text.pth", "a text"u8.ToArray()));
        Refused("its pickle", Written("bad.pth", [0x80, 2, (byte)'K', 1, (byte)'?']));
        var legacy = File.ReadAllBytes(ReferenceFile.PathOf("state-dict-legacy.pth"));
        Refused("it ends too early, or is damaged", Written("short.pth", legacy[..^20]));
        Refused("", Written("zip.pth", "PK nothing"u8.ToArray()));

        void Refused(string words, string path)
        {
            var message = Assert.Throws<InvalidDataException>(() => StateDictFile.Read(path)).Message;
            Assert.StartsWith($"{path} is not a state dict of PyTorch: ", message);
            Assert.Contains(words, message);
        }
    }

    // the pickle of os.system("true"): a name is looked at, and nothing more
    [Fact]
    public void Code_in_a_file_is_not_run()
    {
        var path = Written("code.pth", [0x80, 2, .. "cos\nsystem\n(X"u8, 4, 0, 0, 0, .. "truetR."u8]);

        var refusal = Assert.Throws<InvalidDataException>(() => StateDictFile.Read(path));

        Assert.Contains("it makes a os.system, which is no tensor", refusal.Message);
    }

    private string Written(string name, byte[] bytes)
    {
        File.WriteAllBytes(Path.Combine(_folder, name), bytes);
        return Path.Combine(_folder, name);
    }
}
