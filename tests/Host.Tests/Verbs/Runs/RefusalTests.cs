using VoxelZoo.Host.Tests.Programs;


namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>What cannot work ends with exit code 2 and one sentence, and leaves nothing.</summary>
public sealed class RefusalTests : IDisposable
{
    private static readonly string Experiments = Path.Combine(Repository.Root, "experiments");

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData("trainig: {epochs: 1}", ":2:1: unknown section `trainig`; did you mean `training`?")]
    [InlineData("training:\n  epoch: 1", ":3:3: unknown key `epoch`; did you mean `epochs`?")]
    [InlineData("architecture: {num_res_block: [1]}", ":2:16: unknown key `num_res_block`; did you mean `num_res_blocks`?")]
    [InlineData("training: {seed: many}", ":2:18: `seed` is the text `many`, expected an integer")]
    [InlineData("training: {learning_rate: -1}", ":2:27: `learning_rate` is -1, must be at least 1E-12 and at most 1")]
    [InlineData("evaluation: {timesteps: [500, 500]}", ":2:14: timesteps names 500 twice; name each once")]
    [InlineData("evaluation: {timesteps: [500, 2000]}", ":2:14: timesteps 500, 2000 go beyond 0 to 1000")]
    [InlineData("architecture: {use: unet3}", ":2:21: there is no architecture `unet3`; did you mean `unet3d`?")]
    [InlineData("target: brav", ":2:1: there is no image kind 'brav'")]
    [InlineData("condition: {images: [sge]}", ":2:13: there is no image kind 'sge'")]
    [InlineData("compressor: {factor: 3}", ":2:14: depth 32 of the 1×32×32×32 volume does not divide into blocks of 3")]
    [InlineData("condition: {dropout: 0}\nsampling: {guidance: 2}", ":3:12: guidance 2 needs predictions without the condition")]
    [InlineData("augmentations: [{use: sda, rotation: false, flip: false}]", ":2:1: sda has neither rotation nor flip")]
    [InlineData("training: {batch_size: 3}", ":2:12: batch_size 3 is more than the 2 volumes")]
    [InlineData("trainig: null", ":2:1: unknown section `trainig`; did you mean `training`?")]
    [InlineData("training: {epoch: null}", ":2:12: unknown key `epoch`; did you mean `epochs`?")]
    [InlineData("architecture: {num_res_block: null}", ":2:16: unknown key `num_res_block`; did you mean `num_res_blocks`?")]
    [InlineData("training: {device: cuda}", "training.device is cuda, but libtorch finds no GPU")]
    public void Experiment_that_cannot_work_is_refused_where_it_says_so(string wrong, string sentence)
    {
        var file = _work.Write("wrong.yaml", $"extends: {Experiments}/exp11.yaml\n{wrong}\n");

        Refused(_work.SmokeHere(file), (sentence[0] == ':' ? file : "") + sentence);
    }

    [Theory]
    [InlineData("exp11", "expect.parameters=7", "--set expect.parameters: the denoiser has 498,040 parameters, expected are 7")]
    [InlineData("exp11", "data.synthesize.height=24", "slices of 24×32 are smaller than the 32×32 of the experiment")]
    [InlineData("exp11", "data.synthesize.depth=31", "31 slices are more than the 30 of data.original_depth")]
    [InlineData("exp11", "data.synthesize.min_lesions=9", "min_lesions 9 is more than max_lesions 3")]
    [InlineData("exp9_1", "compressor.train_first=null", "`vqvae` needs trained weights; set compressor.from to the run that trained them")]
    [InlineData(
        "exp9_1", "compressor={from: nowhere, train_first: null}",
        "there is no run `nowhere`: neither such a folder nor one of runs/nowhere; train it first (`voxelzoo train nowhere`)")]
    [InlineData("exp9_1", "compressor.from=runs/x", "from runs/x and train_first vqvae_4x both say where weights come from")]
    [InlineData("exp10_1", "condition.compressor.train_first=null", "`dcae` needs trained weights; set condition.compressor.from")]
    [InlineData(
        "exp10_1", "condition.compressor={use: identity}",
        "identity brings the condition to a grid of 32×32×32, but the target's latent has 32×1×1")]
    [InlineData("exp6b", "condition.control.train_first=null", "`unet3d` needs trained weights; set condition.control.from")]
    [InlineData("exp6b", "condition.control.channels=[4, 8]", "control.channels has 2 widths")]
    [InlineData("exp7", "architecture.patch_size=5", "is not divisible by 5")]
    [InlineData("exp10_2", "architecture.patch_size=2", "is not divisible by 2")]
    [InlineData("exp4", "augmentations=[{use: sda}, {use: score_aug}]", "score_aug and sda do not go together")]
    [InlineData("exp1", "augmentations=[mixup]", "`mixup` mixes the samples of a batch, and batch_size is 1")]
    [InlineData("exp2", "condition.size_bins={through: maps, embedding: 64}", "embedding, hidden and layers belong to through: film")]
    [InlineData("exp1", "training.augmented_diffusion=true", "augmented_diffusion needs a structured latent")]
    [InlineData("exp9_1", "sampling={use: ddim, steps: 2, clip: true}", "clip")]
    [InlineData("exp12", "data={depth: 33, original_depth: 30}", "depth 33")]
    [InlineData("exp11", "evaluation.metrics=[psnr, psnr]", "`psnr` is named 2 times; name it once")]
    [InlineData("exp1", "training={batch_size: 2, gradient_accumulation: 3}", "2 samples cannot be split evenly into 3 parts")]
    [InlineData("vqvae_4x", "training.gradient_accumulation=2", "compressors are trained on whole batches")]
    [InlineData("vqvae_4x", "training.gradient_checkpointing=true", "compressors are trained without gradient checkpointing")]
    [InlineData("exp1", "training={batch_size: 4096}", "GiB left; use a smaller batch_size than 4096")]
    [InlineData("exp1", "training={batch_size: 4096, check_memory: false}", "batch_size 4096 is more than the 2 volumes")]
    [InlineData("exp12_2", "training.region_weights={tiny: 3}", "region_weights weigh voxels")]
    [InlineData(
        "vqvae_4x", "training.region_weights={tiny: 3}", "--set training.region_weights: `region_weights` weigh a denoiser's errors")]
    [InlineData("vqvae_4x", "training.augmented_diffusion=true", "`augmented_diffusion` is how a denoiser is trained")]
    [InlineData("vqvae_4x", "training.lora={rank: 2, on: [conv]}", "`lora` changes a denoiser")]
    [InlineData("vqvae_4x", "training.freeze=[conv]", "`freeze` is of a denoiser's parameters")]
    [InlineData("vqvae_4x", "training.from=x", "`from` starts denoisers")]
    [InlineData("exp11", "compressor={use: signed_distance}", "`signed_distance` makes a mask of whatever it is given, and bravo is none")]
    public void Value_that_cannot_work_is_refused_by_its_name(string id, string set, string sentence) =>
        Refused(_work.SmokeHere(id, "--set", set), sentence);

    /// <summary>Before a compressor is trained first, which may take days.</summary>
    [Theory]
    [InlineData("training.augmented_diffusion=true", "augmented_diffusion needs a structured latent")]
    [InlineData("training={schedule: plateau, epochs: 2}", "the cohort has no patients in val")]
    public void What_needs_the_cohort_or_the_network_to_be_known_is_refused_before_anything_is_trained_first(string set, string sentence) =>
        Refused(
            _work.SmokeHere("exp9_1", "--set", set, "--set", "data.synthesize.val=0", "--set", "evaluation.splits=[test]"), sentence);

    [Theory]
    [InlineData("describe")]
    [InlineData("train")]
    public void Id_that_no_file_system_takes_is_refused_by_every_verb(string verb) =>
        Refused(
            _work.Here(verb, "exp11", "--set", $"id={new string('a', 300)}"),
            "--set id: the id has 300 characters; it names folders, so use 128 at most");

    [Fact]
    public void Cohort_that_is_not_named_is_refused() =>
        Refused(_work.Here("train", "exp1", "--run", _work.Run), $"{Experiments}/exp1.yaml:5:1: data.cohort names no folder");

    [Fact]
    public void Cohort_that_is_not_there_is_refused() =>
        Refused(
            _work.Here("train", "exp1", "--run", _work.Run, "--set", "data.cohort=/no/such/cohort"),
            "--set data.cohort: the cohort '/no/such/cohort' does not exist");

    [Theory]
    [InlineData("target=t1ce", "--set target: the cohort", "has no image 't1ce'; its kinds are t1c, seg; did you mean `t1c`?")]
    [InlineData(
        "condition.images=[segg]", "--set condition.images: the cohort",
        "has no image 'segg'; its kinds are t1c, seg; did you mean `seg`?")]
    [InlineData("target=T1C", "--set target: there is no image kind 'T1C'", "a kind is called by lower-case letters")]
    public void Kind_that_the_cohort_lacks_is_refused_with_the_nearest(string set, string begins, string contains)
    {
        _work.Write("cohort/train/p1/t1c.nii.gz", "");
        _work.Write("cohort/train/p1/seg.nii.gz", "");

        var outcome = _work.Here(
            "train", "exp1", "--run", _work.Run, "--set", $"data.cohort={_work.At("cohort")}", "--set", "target=t1c", "--set", set);

        Refused(outcome, contains);
        Assert.StartsWith(begins, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Cohort_without_the_target_is_refused()
    {
        _work.Write("cohort/train/p1/bravo.nii.gz", "");

        Refused(
            _work.Here("train", "exp1", "--run", _work.Run, "--set", $"data.cohort={_work.At("cohort")}", "--set", "target=flair"),
            $"--set target: the cohort '{_work.At("cohort")}' has no image 'flair'; its kinds are bravo");
    }

    [Fact]
    public void Metric_that_the_volumes_are_too_small_for_is_refused_before_training() =>
        Refused(
            _work.SmokeHere("exp11", "--set", "evaluation.metrics=[{use: ssim, window: 33}]"),
            "--set evaluation.metrics: `ssim` cannot be computed on volumes of 1×30×32×32: the volumes' smallest side has 30 voxels, "
            + "less than the window's 33; set window to 30 or less");

    [Theory]
    [InlineData(
        "sampling.split", "data.synthesize.test=0",
        "has no patients in test, which sampling.split names; put some there, or name another of train, val")]
    [InlineData(
        "sampling.split=val", "data.synthesize.test=0",
        "has no patients in test, which evaluation.splits names; put some there, or name another of train, val")]
    public void Split_without_patients_is_refused_before_training(string sampling, string synthesize, string sentence) =>
        Refused(_work.SmokeHere("exp11", "--set", sampling.Contains('=') ? sampling : "sampling.count=1", "--set", synthesize), sentence);

    [Fact]
    public void Volume_that_is_damaged_is_refused()
    {
        _work.Write("cohort/train/p1/seg.nii.gz", "not a volume");

        Refused(
            _work.Here(
                "train", "exp14_1", "--run", _work.Run, "--set", $"data.cohort={_work.At("cohort")}", "--set",
                "training.check_memory=false"),
            $"--set data.cohort: {_work.At("cohort/train/p1/seg.nii.gz")}");
    }

    [Fact]
    public void Profile_that_is_not_there_is_refused() =>
        Refused(_work.Here("train", "exp11", "--profile", "smok", "--run", _work.Run), "there is no profile `smok`; did you mean `smoke`?");

    [Fact]
    public void Resume_without_a_run_is_refused() => Refused(_work.SmokeHere("exp11", "--resume"), $"{_work.Run}: no such run folder");

    [Fact]
    public void Resume_of_another_experiments_run_is_refused()
    {
        var run = RunOf("exp1");

        Refused(_work.Here("train", "exp11", "--resume", "--run", run), $"--resume: {run} is a run of exp1, not of exp11");
    }

    [Fact]
    public void Folder_that_is_not_empty_is_refused_and_stays_as_it_is()
    {
        var file = _work.Write("run/notes.txt", "mine");

        var outcome = _work.Smoke();

        Assert.Equal(
            (2, $"{_work.Run} exists already; continue it with --resume or name another folder with --run\n"),
            (outcome.ExitCode, outcome.Error));
        Assert.Equal([file], Directory.GetFileSystemEntries(_work.Run));
    }

    [Fact]
    public void Folder_that_cannot_be_made_is_refused()
    {
        var file = _work.Write("file", "");

        Refused(_work.Here("train", "exp11", "--profile", "smoke", "--run", $"{file}/run"), $"{file}/run cannot be made a run's folder");
    }

    [Theory]
    [InlineData("sample")]
    [InlineData("evaluate")]
    [InlineData("report")]
    public void Folder_without_a_run_is_refused(string verb)
    {
        var folder = Directory.CreateDirectory(_work.At("empty")).FullName;

        Refused(_work.Here(verb, folder), $"{folder} is not a run folder: it has no experiment.yaml");
    }

    [Theory]
    [InlineData("sample")]
    [InlineData("evaluate")]
    public void Run_without_a_checkpoint_is_refused(string verb)
    {
        var run = RunOf("exp11");

        Refused(_work.Here(verb, run), $"{run} has no checkpoint that can be read; train it first");
    }

    // a run that was stopped before its first checkpoint
    private string RunOf(string id)
    {
        _work.Write("old/experiment.yaml", $"extends: {Experiments}/{id}.yaml\ndata: {{cohort: {_work.At("old/cohort")}}}\n");
        return _work.At("old");
    }

    private void Refused(VoxelZooProgram.Outcome outcome, string sentence)
    {
        Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        Assert.Single(outcome.Error.TrimEnd('\n').Split('\n'));
        Assert.Equal(2, outcome.ExitCode);
        Assert.False(Path.Exists(_work.Run));
    }
}
