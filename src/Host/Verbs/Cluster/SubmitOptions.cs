using System.CommandLine;
using System.Globalization;
using VoxelZoo.Host.Cluster;

namespace VoxelZoo.Host.Verbs.Cluster;

/// <summary>What <c>submit</c> asks SLURM for.</summary>
internal sealed class SubmitOptions
{
    /// <summary>The longest lead that SLURM takes, in seconds.</summary>
    private const int LongestLead = 65535;

    private readonly Option<string> _time = new("--time")
    {
        Description = "Time limit of each job, as HH:MM:SS or D-HH:MM:SS",
        HelpName = "TIME",
        DefaultValueFactory = _ => "12:00:00",
    };
    private readonly Option<int?> _lead = new("--lead")
    {
        Description = "Seconds before the limit at which training saves and stops; "
            + "by default 300, or a quarter of --time where that is less",
        HelpName = "SECONDS",
    };
    private readonly Option<int> _nodes = new("--nodes") { Description = "Machines", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<int?> _gpus = new("--gpus") { Description = "GPUs on each machine, with a process for each", HelpName = "N" };
    private readonly Option<int?> _tasks = new("--tasks")
    {
        Description = "Processes on each machine; by default one for each GPU",
        HelpName = "N",
    };
    private readonly Option<int?> _cpus = new("--cpus") { Description = "CPU cores for each process", HelpName = "N" };
    private readonly Option<int?> _memory = new("--mem") { Description = "Memory on each machine in GiB", HelpName = "G" };
    private readonly Option<string?> _partition = new("--partition") { Description = "Queue", HelpName = "P" };
    private readonly Option<string?> _account = new("--account") { Description = "Account to charge", HelpName = "A" };
    private readonly Option<string[]> _others = new("--sbatch")
    {
        Description = "Any other option of sbatch, as in --sbatch=--constraint=a100; may be given several times",
        HelpName = "OPTION",
    };

    /// <summary>The options.</summary>
    public IEnumerable<Option> All => [_time, _lead, _nodes, _gpus, _tasks, _cpus, _memory, _partition, _account, _others];

    /// <summary>Reads and checks them.</summary>
    /// <exception cref="UsageException">One is out of its range or cannot be written into a script.</exception>
    public JobRequest Read(ParseResult parse)
    {
        var time = WallTime.Parse(parse.GetValue(_time)!);
        var seconds = (int)time.Length.TotalSeconds;
        var lead = parse.GetValue(_lead) ?? Math.Min(300, seconds / 4);
        if (lead < 1 || lead >= seconds || lead > LongestLead)
            throw new UsageException($"--lead {lead}: expected 1 to {Math.Min(seconds - 1, LongestLead)} seconds, less than --time {time}");
        return new JobRequest
        {
            Time = time,
            Lead = lead,
            Nodes = Positive(_nodes.Name, parse.GetValue(_nodes)),
            Gpus = Positive(_gpus.Name, parse.GetValue(_gpus)),
            Tasks = Positive(_tasks.Name, parse.GetValue(_tasks)),
            Cpus = Positive(_cpus.Name, parse.GetValue(_cpus)),
            Memory = Positive(_memory.Name, parse.GetValue(_memory)),
            Partition = Word(_partition.Name, parse.GetValue(_partition)),
            Account = Word(_account.Name, parse.GetValue(_account)),
            Others = [.. (parse.GetValue(_others) ?? []).Select(Other)],
        };
    }

    private static int Positive(string option, int value) => value > 0
        ? value
        : throw new UsageException($"{option} {value.ToString(CultureInfo.InvariantCulture)}: expected at least 1");

    private static int? Positive(string option, int? value) => value is { } number ? Positive(option, number) : null;

    private static string? Word(string option, string? value)
    {
        if (value is not null && (value.Length == 0 || value[0] == '-' || value.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))))
            throw new UsageException($"{option} '{value.ReplaceLineEndings(" ")}': expected a name");
        return value;
    }

    private string Other(string text)
    {
        var name = text.Split('=')[0];
        if (!text.StartsWith("--", StringComparison.Ordinal) || text.Any(char.IsControl))
            throw new UsageException($"--sbatch {text.ReplaceLineEndings(" ")}: expected an option of sbatch, as in --constraint=a100");
        if (name is "--time" or "--nodes" or "--ntasks" or "--ntasks-per-node" or "--partition" or "--account" or "--mem"
            || name is "--signal" or "--output" or "--chdir" or "--array" or "--wrap")
            throw new UsageException(
                $"--sbatch {text}: submit sets {name} itself{(All.Any(option => option.Name == name) ? "; use its own option" : "")}");
        return text;
    }
}
