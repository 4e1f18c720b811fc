using System.CommandLine;
using System.Numerics;

namespace ResNet.Train;

/// <summary>A numeric option with a hidden alias, its name in version 0.1.0, which help does not show. System.CommandLine cannot hide an alias, so the alias is an option.</summary>
internal sealed class RenamedOption<T> where T : struct, INumber<T>
{
    private readonly Option<T?> _option, _alias;

    public RenamedOption(string name, string alias, Limit<T> limit, string description)
    {
        _option = Options.CreateNumber(name, limit, description);
        _alias = Options.CreateNumber(alias, limit, description);
        _alias.Hidden = true;
        _alias.Validators.Add(result =>
        {
            if (result.GetResult(_option) is not null)
                result.AddError($"{alias}: expected either {name} or its old name, got both");
        });
    }

    /// <summary>The option and its alias.</summary>
    public Option[] Both => [_option, _alias];

    public T? GetValue(ParseResult result) => result.GetValue(_option) ?? result.GetValue(_alias);
}
