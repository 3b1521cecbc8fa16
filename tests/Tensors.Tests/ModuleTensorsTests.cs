using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests;

/// <summary>Parameters and buffers of one's own, made in dispose scopes.</summary>
public sealed class ModuleTensorsTests
{
    private sealed class Net : nn.Module
    {
        private readonly Parameter scale;

        public Net(bool scoped, bool keeps)
            : base("net")
        {
            using var scope = scoped ? NewDisposeScope() : null;
            scale = new Parameter(ones(3));
            Table = zeros(3);
            register_buffer("table", Table);
            RegisterComponents();
            if (keeps)
                ModuleTensors.Keep(this);
        }

        public Tensor Table { get; }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Tensors_that_are_kept_outlive_the_scope_that_they_were_made_in(bool ownScope)
    {
        Net net;
        using (NewDisposeScope())
            net = ownScope ? new Net(scoped: true, keeps: true) : ModuleTensors.Keep(new Net(scoped: false, keeps: false));
        using (net)
        {
            Assert.Null(ModuleTensors.FirstFreed(net));
            Assert.Equal(["scale"], net.named_parameters().Select(entry => entry.name));
            Assert.Equal(["table"], net.named_buffers().Select(entry => entry.name));
        }
    }

    /// <summary>A table that is no weight is in no list of torch's.</summary>
    private sealed class Table : nn.Module
    {
        public Table()
            : base(nameof(Table))
        {
            Values = ones(3);
            register_buffer("values", Values, persistent: false);
        }

        public Tensor Values { get; }
    }

    [Fact]
    public void Tensor_of_the_module_itself_that_is_no_weight_is_kept_and_missed()
    {
        Table kept, freed;
        using (NewDisposeScope())
            (kept, freed) = (ModuleTensors.Keep(new Table()), new Table());

        using (kept)
        using (freed)
        {
            Assert.False(kept.Values.IsInvalid);
            Assert.Equal("Values of Table", ModuleTensors.FirstFreed(freed));
        }
    }

    [Fact]
    public void Tensor_that_was_freed_is_named_where_torch_says_nothing()
    {
        using var net = nn.Sequential(("inner", new Inner()));

        var fault = Assert.Throws<InvalidOperationException>(() => ModuleTensors.Keep(net));

        Assert.StartsWith("scale of Net was freed with the dispose scope that it was made in; ", fault.Message, StringComparison.Ordinal);
        Assert.Empty(net.parameters());
    }

    [Fact]
    public void Modules_of_torch_and_of_one_layer_are_as_they_were()
    {
        using var net = ModuleTensors.Keep(nn.Sequential(("linear", nn.Linear(2, 3)), ("norm", nn.BatchNorm1d(3))));

        Assert.Equal(4, net.parameters().Count());
    }

    private sealed class Inner : nn.Module<Tensor, Tensor>
    {
        private readonly Net net = new(scoped: true, keeps: false);

        public Inner()
            : base("inner") => RegisterComponents();

        public override Tensor forward(Tensor x) => x;
    }
}
