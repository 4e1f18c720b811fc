// The generator of torch's random numbers belongs to the process, as do the count of live tensors, the number of libtorch's threads and the console.
// Tests that ran side by side would draw each other's numbers, so that a seed meant nothing; here one runs after another, in every test project.
// A test that depends on random numbers seeds them itself: the order of tests may change.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
