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
    ["gradients"] => GradientChecks.Run(),
    ["misuse"] => Misuse.Run(),
    ["steps"] => Steps.Run(),
    ["elastic", var folder, var victim, var reference] => Elastic.Run(folder, int.Parse(victim, CultureInfo.InvariantCulture), reference),
    ["throw"] => Throw.Run(),
    ["throw-on-thread"] => Throw.RunOnThread(),
    ["exit"] => Leave.ByExit(),
    ["return"] => Leave.ByReturn(),
    ["all-return"] => Leave.All(),
    ["kill"] => Kill.Run(),
    ["wait"] => Wait.Run(),
    ["hang"] => Hang.Run(),
    ["dispose-early"] => Dispose.Early(),
    ["return-3"] => Dispose.WithCode(),
    ["absent"] => Absent.Run(),
    ["different-size"] => Different.Size(),
    ["different-operation"] => Different.Operation(),
    ["different-model"] => DifferentModel.Fail(),
    ["different-models"] => DifferentModel.Compare(),
    ["null-reference"] => NullReference.Run(),
    ["init"] => Init.Run(),
    _ => throw new ArgumentException($"Expected a scenario and its arguments, got '{string.Join(' ', args)}'."),
};
