// torch is parallel inside, and live tensors are counted per process
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
