using System.CommandLine;
using System.CommandLine.Help;
using System.Runtime.InteropServices;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Verbs;
using VoxelZoo.Host.Verbs.Cluster;
using VoxelZoo.Host.Verbs.Data;
using VoxelZoo.Host.Verbs.Features;
using VoxelZoo.Host.Verbs.Parts;
using VoxelZoo.Host.Verbs.Plugins;
using VoxelZoo.Host.Verbs.Runs;
using VoxelZoo.Host.Verbs.Sweeps;
using VoxelZoo.Host.Verbs.WeightFiles;
using VoxelZoo.Host.Verbs.Zoo;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.CommandLine;

/// <summary>The program: parses the command line, runs the verb, turns what it throws into one sentence and an exit code.</summary>
internal static class Application
{
    // schedulers send it some time before the limit. .NET has no name for it, but takes the system's own number
    // a terminal that goes away, such as that of a lost session, sends SIGHUP, which nohup has the process ignore
    private static readonly PosixSignal[] Signals =
    [
        PosixSignal.SIGINT, PosixSignal.SIGTERM,
        .. IgnoredSignals.Contains(IgnoredSignals.Hangup) ? Array.Empty<PosixSignal>() : [PosixSignal.SIGHUP],
        .. OperatingSystem.IsLinux() ? [(PosixSignal)10] : Array.Empty<PosixSignal>(),
    ];

    // kept from being collected
    private static readonly List<PosixSignalRegistration> Heeded = [];

    /// <summary>
    /// How long a failed process that is not the first waits before it says why: most often all fail for one reason,
    /// and the first has said it.
    /// </summary>
    private static readonly TimeSpan Precedence = TimeSpan.FromSeconds(10);

    /// <summary>Every verb. A new verb is a class in Verbs and a line here.</summary>
    private static readonly RootCommand Commands = Blanks.Refused(
        Numbers.Strictly(new RootCommand("VoxelZoo: a plugin-based model zoo for 3-D medical diffusion.")
        {
            CommonOptions.Plugins,
            CommonOptions.Verbose,
            new Command(PluginsListVerb.Group, "The plugins: what is there, what does not load and why")
            {
                new PluginsListVerb(),
                new PluginsInfoVerb(),
                new PluginsDoctorVerb(),
                new PluginsVerifyVerb(),
                new PluginsInstallVerb(),
                new PluginsUpdateVerb(),
                new PluginsOutdatedVerb(),
                new PluginsRemoveVerb(),
                new PluginsSwitchVerb(on: true),
                new PluginsSwitchVerb(on: false),
                new PluginsTrialVerb(),
            },
            new DoctorVerb(),
            new ExperimentsVerb(),
            new SchemaVerb(),
            new DescribeVerb(),
            new BenchVerb(),
            new Command("data", "Cohorts: make one, import one, check one, look at a volume, compute latents")
            {
                new DataSynthesizeVerb(),
                new DataImportVerb(),
                new DataCheckVerb(),
                new DataInfoVerb(),
                new DataPrepareVerb(),
            },
            new InitVerb(),
            new ShowVerb(),
            new TrainVerb(),
            new TrainDiffrsVerb(),
            new SampleVerb(),
            new GenerateVerb(),
            new EvaluateVerb(),
            new ExportVerb(),
            new Command("sweep", "Which solver, and how many steps: many configurations of the sampler, judged alike")
            {
                new SweepSolversVerb(),
                new SweepStepsVerb(),
            },
            new Command("runs", "The runs of a folder, side by side")
            {
                new RunsListVerb(),
                new RunsDiffVerb(),
            },
            new ReportVerb(),
            new SubmitVerb(),
            new RunVerb(),
            new Command("model", "Architectures on their own") { new ModelForwardVerb() },
            new Command("compressor", "Compressors on their own") { new CompressorRoundtripVerb() },
            new MetricVerb(),
            new Command("features", "Networks whose features metrics compare")
            {
                new FeaturesListVerb(),
                new FeaturesExportVerb(),
                new FeaturesCheckVerb(),
            },
            new TorchScriptVerb(),
            new Command("weights", "Files of weights: list one, take over another program's, write one for it")
            {
                new WeightsShowVerb(),
                new WeightsImportVerb(),
                new WeightsExportVerb(),
            },
            new Command("zoo", "Animals: trained weights with cards")
            {
                new ZooListVerb(),
                new ZooSearchVerb(),
                new ZooShowVerb(),
                new ZooVerifyVerb(),
                new ZooExportVerb(),
                new ZooImportVerb(),
            },
        }));

    /// <summary>Runs a process from its command line to its exit code.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        // .NET would begin with a sequence that sets a terminal's keys: on the one that mpirun makes up for each
        // process, and for those who want none
        if (Launcher.Find() is not null || Output.IsPlain)
            Environment.SetEnvironmentVariable("TERM", "dumb");
        StandardStreams.Open();
        if (!StandardStreams.OutputIsOpen)
        {
            await Console.Error.WriteLineAsync("standard output is closed; send it to a file, or to /dev/null");
            return (int)ExitCode.Refused;
        }

        return await ObeyAsync(args, isProcess: true);
    }

    /// <summary>Does what a command line asks; says it on the console, wherever that writes to.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="isProcess">
    /// Whether it is the process's own, so that signals to the process are for it, and an end of the process ends it.
    /// </param>
    internal static async Task<int> ObeyAsync(string[] args, bool isProcess = false)
    {
        var parse = Commands.Parse(args.Length == 0 ? ["--help"] : args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (ParseErrors.NamesNoVerb(parse) || (parse.Errors.Count > 0 && parse.Action is not HelpAction))
        {
            await Console.Error.WriteLineAsync(ParseErrors.Sentence(parse));
            return (int)ExitCode.Refused;
        }

        // not disposed, and heeded until the process is gone: a signal while it ends must not make a failure of what is done
        var stop = new CancellationTokenSource();
        var verb = parse.CommandResult.Command as Verb;
        var (failed, ended, error) = (false, false, Console.Error);
        var undone = $"{parse.CommandResult.Command.Name} was not done when something in this process, most likely a plugin, "
            + "ended it; the run can be resumed";
        if (isProcess)
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) => RefuseSuccess();
            NativeExit.Guard(undone);
        }

        // what plugins write must not come among what programs read
        if (isProcess && parse.GetValue(CommonOptions.Json))
            Console.SetOut(Console.Error);
        if (isProcess && verb is { StopsInOrder: true })
            Heeded.AddRange(Signals.Select(signal => PosixSignalRegistration.Create(signal, Stop)));
        else if (isProcess && verb is not null)
            Heeded.AddRange(
                new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(signal => PosixSignalRegistration.Create(signal, Say)));
        try
        {
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            var code = await parse.InvokeAsync(configuration, stop.Token);
            return Ended(Told(verb, code, error));
        }
        catch (Exception e)
        {
            // the first use of a class whose libraries are absent wraps the reason
            var cause = e is TypeInitializationException { InnerException: { } inner } ? inner : e;
            var code = (int)(IsRefusal(cause) ? ExitCode.Refused
                : cause is OperationCanceledException && stop.IsCancellationRequested ? ExitCode.Stopped
                : ExitCode.Failed);
            failed = true;
            Ended(code);
            var launcher = verb is { RunsTogether: true } ? Launcher.Find() : null;
            if (launcher is { Rank: > 0 })
                Thread.Sleep(Precedence);
            var who = launcher is { Rank: > 0 } ? $"process {launcher.Rank} of {launcher.Processes} on {Environment.MachineName}: " : "";
            error.WriteLine(who + Sentence(cause, parse.GetValue(CommonOptions.Verbose)));
            if (verb is { Collective.Size: > 1 })
                verb.Collective.Abort(code);
            return code;
        }

        int Ended(int code)
        {
            ended = true;
            if (isProcess)
                NativeExit.Settle(code);
            return code;
        }

        // a plugin may end the process by itself: whoever waits for it must not take that for success, or for a run
        // that was stopped in order
        void RefuseSuccess()
        {
            const int bySignal = 128;
            if (ended)
                return;
            if (Environment.ExitCode < bySignal)
            {
                error.WriteLine(undone);
                Environment.ExitCode = (int)ExitCode.Failed;
            }

            NativeExit.Settle(Environment.ExitCode);
        }

        // one that has nothing to save ends at once, by the signal itself
        void Say(PosixSignalContext signal)
        {
            if (ended || failed)
                return;
            error.WriteLine(
                $"{parse.CommandResult.Command.Name}: stopped by {signal.Signal} before it was done; the same command begins anew");
            ended = true;
        }

        // a signal asks the verb to stop. Schedulers send several; whoever presses Ctrl+C again means at once
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !failed && ((signal.Signal != PosixSignal.SIGINT && !ended) || !stop.IsCancellationRequested);
            stop.Cancel();
        }
    }

    /// <summary>
    /// The code of a verb that ended, and where what it said went nowhere, a word about that: what is in files is done all the same.
    /// </summary>
    private static int Told(Verb? verb, int code, TextWriter error)
    {
        if (StandardStreams.Out?.Failure is not { } failure)
            return code;
        var files = verb is { LeavesFiles: true };
        error.WriteLine(
            $"{(files ? "warning: " : "")}standard output could not be written: "
            + $"{failure}{(files ? "; what is in files is complete" : "")}");
        return files || code != (int)ExitCode.Done ? code : (int)ExitCode.Failed;
    }

    /// <summary>Whether what was asked for cannot be, as opposed to something that went wrong while doing it.</summary>
    private static bool IsRefusal(Exception e) =>
        e is ConfigurationException or UsageException or PlanException or PluginException
            or RunFolderException or DllNotFoundException or IOException { HResult: RegularFile.Refused };

    private static string Sentence(Exception e, bool verbose) => e switch
    {
        _ when verbose => e.ToString(),
        _ when MemoryShortage.Sentence(e) is { } sentence => sentence,
        OperationCanceledException => "stopped before it was done",
        _ => Places.Shorten(Thrown.FirstLine(e)),
    };
}
