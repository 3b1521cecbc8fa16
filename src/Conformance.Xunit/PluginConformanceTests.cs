using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors.Native;
using Xunit;

namespace VoxelZoo.Conformance;

/// <summary>
/// Proves a plugin: one test for each of its parts, which runs the checks of the part's kind (<see cref="PartConformance"/>) and
/// names all that failed.
/// <code>public sealed class Conformance : PluginConformanceTests&lt;MyArchitecture&gt;;</code>
/// libtorch is loaded before the first test.
/// </summary>
/// <typeparam name="TPlugin">Any class of the plugin's assembly, such as one of its parts.</typeparam>
[Collection(typeof(OneAtATime))]
public abstract class PluginConformanceTests<TPlugin>
{
    static PluginConformanceTests() => NativeTorch.Load();

    /// <summary>The parts of the plugin by name, such as <c>architecture my_arch</c>.</summary>
    /// <exception cref="InvalidOperationException">The assembly of <typeparamref name="TPlugin"/> has none.</exception>
    public static TheoryData<string> Parts => new(Marked().Select(part => part.Name).DefaultIfEmpty().Select(name => name
        ?? throw new InvalidOperationException(
            $"{typeof(TPlugin).Assembly.GetName().Name} has no parts; mark its classes with [Architecture], [Metric] …")));

    /// <summary>Runs the checks of one part.</summary>
    /// <param name="part">Its name, of <see cref="Parts"/>.</param>
    [Theory]
    [MemberData(nameof(Parts))]
    public void Part_keeps_the_contract(string part)
    {
        var type = Marked().Single(marked => marked.Name == part).Type;
        using var random = new RandomStreams(0);
        var context = new PartContext(torch.CPU, Precision.Float32, NullLogger.Instance, TimeProvider.System, random)
        {
            PluginFolder = Path.GetDirectoryName(type.Assembly.Location),
        };

        var failed = PartConformance.Verify((IPart)Activator.CreateInstance(type)!, context).Where(check => !check.Passed).ToArray();

        if (failed.Length > 0)
            Assert.Fail($"{part}: {string.Join("; ", failed.Select(check => $"{check.Name}: {check.Sentence}"))}");
    }

    private static IEnumerable<(string Name, Type Type)> Marked() =>
        from type in typeof(TPlugin).Assembly.GetTypes()
        let mark = type.GetCustomAttribute<PartAttribute>()
        where mark is not null
        orderby mark.Kind, mark.Id
        select ($"{mark.Kind.ToString().ToLowerInvariant()} {mark.Id}", type);
}

/// <summary>The checks count the process's live tensors and seed torch's global generator: no other test runs meanwhile.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class OneAtATime;
