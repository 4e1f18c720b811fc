// TorchSharp's random generator belongs to the process: tests that run side by side would draw each other's initial weights.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
