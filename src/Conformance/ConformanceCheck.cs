namespace VoxelZoo.Conformance;

/// <summary>The outcome of one check of one part.</summary>
/// <param name="Name">Name of the check, lower case with underscores; the same for every part of a kind.</param>
/// <param name="Passed">Whether the part does as the contract says.</param>
/// <param name="Sentence">What was checked, or what was found instead.</param>
public sealed record ConformanceCheck(string Name, bool Passed, string Sentence);

/// <summary>Runs checks one by one; one that throws has failed and does not stop the others.</summary>
internal sealed class CheckList
{
    private readonly List<ConformanceCheck> _results = [];

    public IReadOnlyList<ConformanceCheck> Results => _results;

    /// <summary>Runs one check.</summary>
    /// <param name="name">Name of the check.</param>
    /// <param name="claim">What holds if the check passes.</param>
    /// <param name="check">Returns what was found instead, or null. Runs in a dispose scope of its own.</param>
    public void Run(string name, string claim, Func<string?> check)
    {
        string? finding;
        try
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            finding = check();
        }
        catch (NullReferenceException fault) when (fault.TargetSite?.Module.Assembly == typeof(CheckList).Assembly)
        {
            finding = $"the part gives null, so it does not hold that {claim}";
        }
        catch (Exception fault)
        {
            finding = $"{fault.GetType().Name}: {fault.Message.Split('\n')[0].Trim()}";
        }

        _results.Add(new ConformanceCheck(name, finding is null, finding ?? claim));
    }
}
