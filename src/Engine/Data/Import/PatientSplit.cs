using System.Globalization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// Puts patients, never scans, into splits: by a file, as the source has them, or by a draw in which each split gets patients with few and
/// with many lesions.
/// </summary>
internal sealed class PatientSplit
{
    private const int Strata = 5;
    private static readonly double[] Usual = [80, 10, 10];

    private readonly IReadOnlyDictionary<string, string>? _named;
    private readonly IReadOnlyList<double> _shares;

    private PatientSplit(IReadOnlyDictionary<string, string>? named, IReadOnlyList<double> shares, bool keepsOwn) =>
        (_named, _shares, KeepsOwn) = (named, shares, keepsOwn);

    /// <summary>Whether patients whom the source itself puts into a split stay there.</summary>
    public bool KeepsOwn { get; }

    /// <summary>What the table calls its splits, in its own spelling; empty without one.</summary>
    public IReadOnlyList<string> Words { get; private init; } = [];

    /// <summary>Reads what <c>--split</c> was given.</summary>
    /// <param name="text">Shares such as <c>80/10/10</c>, the path of a table with columns <c>patient</c> and <c>split</c>, or
    /// null.</param>
    /// <exception cref="PlanException">It is neither.</exception>
    public static PatientSplit Parse(string? text)
    {
        if (text is null)
            return new PatientSplit(null, Usual, keepsOwn: true);
        if (text.Contains('/') && text.Split('/') is { Length: 3 } parts
            && parts.All(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out _)))
        {
            double[] shares = [.. parts.Select(part => double.Parse(part, CultureInfo.InvariantCulture))];
            return shares.All(share => share is >= 0 and < 1e6) && shares[0] > 0
                ? new PatientSplit(null, shares, keepsOwn: false)
                : throw new PlanException($"--split {text}: the shares of train, val and test are not negative, and train has some, as in "
                    + "--split 80/10/10.");
        }

        if (!File.Exists(text))
            throw new PlanException($"--split {text}: neither shares such as 80/10/10 nor a table with the columns patient and split.");
        var (named, words) = Named(text);
        return new PatientSplit(named, Usual, keepsOwn: false) { Words = words };
    }

    /// <summary>The split of each patient.</summary>
    /// <param name="patients">The patients, with the volume of their lesions, or null for one without mask, and the split in the source,
    /// or null.</param>
    /// <param name="seed">Seed of the draw.</param>
    /// <exception cref="PlanException">A patient is in no split, or in two.</exception>
    public IReadOnlyDictionary<string, string> Of(IReadOnlyList<(string Patient, double? Load, string? Own)> patients, long seed)
    {
        if (_named is not null)
        {
            string[] missing = [.. patients.Select(one => one.Patient).Where(patient => !_named.ContainsKey(patient))];
            return missing.Length == 0
                ? patients.ToDictionary(one => one.Patient, one => _named[one.Patient])
                : throw new PlanException($"--split names no split for {missing.Length} of {patients.Count} patients: "
                    + $"{string.Join(", ", missing.Take(5))}{(missing.Length > 5 ? " …" : "")}; add them to the table.");
        }

        var own = patients.Where(one => KeepsOwn && one.Own is not null).ToDictionary(one => one.Patient, one => one.Own!);
        foreach (var (patient, split) in Draw([.. patients.Where(one => !own.ContainsKey(one.Patient))], seed))
            own[patient] = split;
        return own;
    }

    private IEnumerable<(string Patient, string Split)> Draw(IReadOnlyList<(string Patient, double? Load, string? Own)> patients, long seed)
    {
        var (ordered, quotas) = (Ordered(patients, new SeededRandom(seed, "import/split")), Quotas(patients.Count));
        var given = new int[quotas.Length];
        for (var i = 0; i < ordered.Count; i++)
        {
            // who is farthest behind its share gets the next one
            var next = Enumerable.Range(0, quotas.Length).Where(split => given[split] < quotas[split])
                .MaxBy(split => quotas[split] * (i + 1.0) / ordered.Count - given[split]);
            given[next]++;
            yield return (ordered[i], Cohort.AllSplits[next]);
        }
    }

    /// <summary>From few lesions to many, in random order within a fifth of the patients; those without mask first.</summary>
    private static List<string> Ordered(IReadOnlyList<(string Patient, double? Load, string? Own)> patients, SeededRandom random)
    {
        var (without, with) = (
            patients.Where(one => one.Load is null).ToArray(),
            patients.Where(one => one.Load is not null).OrderBy(one => one.Load).ThenBy(one => one.Patient, StringComparer.Ordinal)
                .ToArray());
        var stratum = Math.Max(1, (with.Length + Strata - 1) / Strata);
        return
        [
            .. new[] { without }.Concat(with.Chunk(stratum))
                .SelectMany(group => random.Permutation(group.Length).Select(i => group[i].Patient))
        ];
    }

    /// <summary>How many patients each split gets: by largest remainders, and one at least of three or more where it has a share.</summary>
    internal int[] Quotas(int patients)
    {
        var exact = _shares.Select(share => share / _shares.Sum() * patients).ToArray();
        var quotas = exact.Select(share => (int)share).ToArray();
        foreach (var split in Enumerable.Range(0, quotas.Length).OrderByDescending(split => exact[split] - quotas[split])
            .ThenBy(split => split).Take(patients - quotas.Sum()).ToArray())
            quotas[split]++;
        for (var split = 1; split < quotas.Length && patients >= quotas.Length; split++)
        {
            if (_shares[split] > 0 && quotas[split] == 0 && quotas[0] > 1)
                (quotas[0], quotas[split]) = (quotas[0] - 1, 1);
        }

        return quotas;
    }

    private static (IReadOnlyDictionary<string, string> Splits, IReadOnlyList<string> Words) Named(string file)
    {
        var table = CsvTable.Read(file);
        var (patient, split) = (table.Find("patient", "subject", "case", "id"), table.Find("split"));
        if (patient < 0 || split < 0)
            throw new PlanException($"{file}:1: the columns are {string.Join(", ", table.Columns)}, expected patient and split.");
        var (named, words) = (new Dictionary<string, string>(), new SortedSet<string>(StringComparer.Ordinal));
        foreach (var (line, cells) in table.Rows)
        {
            if (SplitNames.Of(cells[split]) is not { } into)
                throw new PlanException($"{file}:{line}: there is no split "
                    + $"`{cells[split]}`{Spelling.Suggestion(cells[split], Cohort.AllSplits)}; the splits are "
                    + $"{string.Join(", ", Cohort.AllSplits)}.");
            if (!named.TryAdd(cells[patient], into) && named[cells[patient]] != into)
                throw new PlanException($"{file}:{line}: {cells[patient]} is in {named[cells[patient]]} and in {into}; a patient belongs "
                    + "to one split.");
            words.Add(cells[split]);
        }

        return (named, [.. words]);
    }
}
