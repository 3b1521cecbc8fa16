using Xunit.Sdk;
using Xunit.v3;

// torch's global generator and its tensor statistics are shared by the whole process
[assembly: Parallelization(Mode = ParallelMode.None)]
