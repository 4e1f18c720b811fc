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
    ["throw-async"] => Throw.RunAsync().GetAwaiter().GetResult(), // as the compiler calls an async Main
    ["throw-and-catch"] => Throw.RunAndCatch(),
    ["exit"] => Leave.RunExit(0),
    ["exit-256"] => Leave.RunExit(256),
    ["return"] => Leave.RunReturn(),
    ["all-return"] => Leave.RunReturnOnAllRanks(),
    ["kill"] => Kill.Run(),
    ["wait"] => Wait.Run(),
    ["hang"] => Hang.Run(),
    ["dispose-early"] => Dispose.RunEarly(),
    ["dispose-alone"] => Dispose.RunAlone(),
    ["return-3"] => Dispose.RunAndReturnCode(),
    ["absent"] => Absent.Run(),
    ["absent-caught"] => Absent.RunAndCatch(),
    ["different-size"] => Different.RunOtherSize(),
    ["different-shape"] => Different.RunOtherShape(),
    ["different-operation"] => Different.RunOtherOperation(),
    ["different-model"] => DifferentModel.RunUncaught(),
    ["different-models"] => DifferentModel.RunAndCatch(),
    ["skip-backward"] => OutOfStep.RunSkippedBackward(),
    ["synchronize-twice"] => OutOfStep.RunSecondSynchronize(),
    ["null-reference"] => NullReference.Run(),
    ["init"] => Init.Run(),
    _ => throw new ArgumentException($"Expected a scenario and its arguments, got '{string.Join(' ', args)}'."),
};
