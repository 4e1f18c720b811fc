// TorchSharp's random generator, and its count of live tensors, belong to the process: tests that run side by side would change each other's.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
