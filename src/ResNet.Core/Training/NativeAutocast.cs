using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ResNet.Core;

/// <summary>
/// Calls libtorch's <c>at::autocast</c> (<c>ATen/autocast_mode.h</c>), whose state is per thread. TorchSharp does not expose these functions. They are exported
/// C++ functions on plain integers, so their mangled names are enough to call them.
/// </summary>
internal static unsafe class NativeAutocast
{
    private static readonly Lazy<Functions> functions = new(() => new Functions());

    public static bool IsEnabled(DeviceType device) => functions.Value.IsEnabled((sbyte)device) != 0;

    public static ScalarType GetScalarType(DeviceType device) => (ScalarType)functions.Value.GetType((sbyte)device);

    public static void Set(DeviceType device, ScalarType type, bool enabled)
    {
        functions.Value.SetEnabled((sbyte)device, (byte)(enabled ? 1 : 0));
        functions.Value.SetType((sbyte)device, (sbyte)type);
    }

    public static void IncrementNesting() => _ = functions.Value.IncrementNesting();

    public static int DecrementNesting() => functions.Value.DecrementNesting();

    public static void ClearCache() => functions.Value.ClearCache();

    /// <summary>The functions, found by the mangled names of GCC and Clang or of Visual C++.</summary>
    private sealed class Functions
    {
        public readonly delegate* unmanaged<sbyte, byte> IsEnabled;
        public readonly delegate* unmanaged<sbyte, byte, void> SetEnabled;
        public readonly new delegate* unmanaged<sbyte, sbyte> GetType;
        public readonly delegate* unmanaged<sbyte, sbyte, void> SetType;
        public readonly delegate* unmanaged<int> IncrementNesting, DecrementNesting;
        public readonly delegate* unmanaged<void> ClearCache;

        public Functions()
        {
            _ = cuda.is_available(); // makes TorchSharp load libtorch
            if (!NativeLibrary.TryLoad("torch_cpu", typeof(torch).Assembly, null, out var library))
                throw new NotSupportedException("Mixed precision expected libtorch's library torch_cpu next to TorchSharp's own library, and did not find it.");

            IsEnabled = (delegate* unmanaged<sbyte, byte>)Find("_ZN2at8autocast19is_autocast_enabledEN3c1010DeviceTypeE", "?is_autocast_enabled@autocast@at@@YA_NW4DeviceType@c10@@@Z");
            SetEnabled = (delegate* unmanaged<sbyte, byte, void>)Find("_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb", "?set_autocast_enabled@autocast@at@@YAXW4DeviceType@c10@@_N@Z");
            GetType = (delegate* unmanaged<sbyte, sbyte>)Find("_ZN2at8autocast18get_autocast_dtypeEN3c1010DeviceTypeE", "?get_autocast_dtype@autocast@at@@YA?AW4ScalarType@c10@@W4DeviceType@4@@Z");
            SetType = (delegate* unmanaged<sbyte, sbyte, void>)Find("_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE", "?set_autocast_dtype@autocast@at@@YAXW4DeviceType@c10@@W4ScalarType@4@@Z");
            IncrementNesting = (delegate* unmanaged<int>)Find("_ZN2at8autocast17increment_nestingEv", "?increment_nesting@autocast@at@@YAHXZ");
            DecrementNesting = (delegate* unmanaged<int>)Find("_ZN2at8autocast17decrement_nestingEv", "?decrement_nesting@autocast@at@@YAHXZ");
            ClearCache = (delegate* unmanaged<void>)Find("_ZN2at8autocast11clear_cacheEv", "?clear_cache@autocast@at@@YAXXZ");

            nint Find(string elsewhere, string onWindows)
            {
                var name = OperatingSystem.IsWindows() ? onWindows : elsewhere;
                return NativeLibrary.TryGetExport(library, name, out var address) ? address
                    : throw new NotSupportedException($"Mixed precision expected the function {name} of libtorch 2.4 or later, which this libtorch lacks.");
            }
        }
    }
}
