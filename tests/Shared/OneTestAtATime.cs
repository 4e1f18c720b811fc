// torch's random generator belongs to the process, and so do the count of live tensors, the number of libtorch's threads and the console.
// Tests in parallel would draw each other's random numbers, and a seed would mean nothing. So every test project runs one test at a time.
// A test that depends on random numbers sets the seed itself, because the order of tests may change.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
