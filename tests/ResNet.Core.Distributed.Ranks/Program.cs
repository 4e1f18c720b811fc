using System.Globalization;
using ResNet.Core.Distributed.Ranks.Faults;
using ResNet.Core.Distributed.Ranks.Scenarios;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
return args switch
{
    ["emulate", var folder] => Emulate.Run(folder),
    ["parity", var folder] => Parity.Run(folder),
    ["agreement"] => Agreement.Run(),
    ["collectives"] => Collectives.Run(),
    ["binding"] => Binding.Run(),
    ["gradients"] => GradientChecks.Run(),
    ["loops"] => Loops.Run(),
    ["steps"] => Steps.Run(),
    ["elastic", var folder, var victim, var reference] => Elastic.Run(folder, int.Parse(victim, CultureInfo.InvariantCulture), reference),
    ["throw"] => Throw.Run(),
    ["throw-on-thread"] => Throw.RunOnThread(),
    ["throw-async"] => Throw.RunAsync().GetAwaiter().GetResult(), // what an async Main is made into
    ["throw-and-catch"] => Throw.RunAndCatch(),
    ["exit"] => Leave.ByExit(0),
    ["exit-256"] => Leave.ByExit(256),
    ["return"] => Leave.ByReturn(),
    ["all-return"] => Leave.All(),
    ["kill"] => Kill.Run(),
    ["wait"] => Wait.Run(),
    ["hang"] => Hang.Run(),
    ["dispose-early"] => Dispose.Early(),
    ["dispose-alone"] => Dispose.Alone(),
    ["return-3"] => Dispose.WithCode(),
    ["absent"] => Absent.Run(),
    ["absent-caught"] => Absent.RunAndCatch(),
    ["different-size"] => Different.Size(),
    ["different-shape"] => Different.Shape(),
    ["different-operation"] => Different.Operation(),
    ["different-model"] => DifferentModel.Fail(),
    ["different-models"] => DifferentModel.Compare(),
    ["skip-backward"] => OutOfStep.SkipBackward(),
    ["synchronize-twice"] => OutOfStep.SynchronizeTwice(),
    ["null-reference"] => NullReference.Run(),
    ["init"] => Init.Run(),
    _ => throw new ArgumentException($"Expected a scenario and its arguments, got '{string.Join(' ', args)}'."),
};
