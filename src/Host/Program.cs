return await VoxelZoo.Host.CommandLine.Application.RunAsync(args);
