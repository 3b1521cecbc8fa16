// torch is parallel inside, and live tensors are counted per process
[assembly: CollectionBehavior(DisableTestParallelization = true)]
