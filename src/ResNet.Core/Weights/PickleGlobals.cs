namespace ResNet.Core.Weights;

/// <summary>Decides which names in a pickle are dangerous.</summary>
/// <remarks>
/// Since nothing is looked up or called, every object could become a <see cref="PickledObject"/>. Names that could run code are refused all the same: no
/// weights need them, and the user should hear of an attack. The rule: of Python's standard library, only names known to be harmless pass, such as
/// <c>argparse.Namespace</c>; of PyTorch's and NumPy's functions, only those that rebuild objects; of installers and the like, none. All other packages
/// pass. Whether a user's <c>config.make</c> would run code is unknown, but it is not run, and refusing it would only keep people from their weights.
/// </remarks>
internal static class PickleGlobals
{
    /// <summary>Python 3's name for a Python 2 name, which protocol 2 still writes.</summary>
    public static string ToPython3(string name) =>
        name.StartsWith("__builtin__.", StringComparison.Ordinal) ? $"builtins{name["__builtin__".Length..]}"
        : name.StartsWith("copy_reg.", StringComparison.Ordinal) ? $"copyreg{name["copy_reg".Length..]}"
        : name;

    /// <summary>Whether a pickle may not even import a name.</summary>
    /// <param name="name">The name with its module, after <see cref="ToPython3"/>.</param>
    public static bool IsUnsafe(string name)
    {
        var parts = name.Split('.');
        // Modules import others: torch.serialization.os.system is os.system.
        if (parts.Any(part => unsafeModules.Contains(part.TrimStart('_'))))
            return !safe.Contains(name) && !IsException(name);
        if (unsafePackages.Contains(parts[0]) || unsafePrefixes.Any(part => IsWithin(name, part)))
            return true;
        return standardLibrary.Contains(parts[0].TrimStart('_')) && !safe.Contains(name)
            && !(safeModules.Contains(name[..Math.Max(name.LastIndexOf('.'), 0)]) && parts[^1] is [not '_', ..] && parts[^1].All(c => char.IsAsciiLetterOrDigit(c) || c == '_'));
    }

    /// <summary>Whether a call may do more than create an object.</summary>
    /// <param name="name">A name that is not <see cref="IsUnsafe">unsafe</see> by itself.</param>
    public static bool IsUnsafeCall(string name)
    {
        var parts = name.Split('.');
        return parts[0] is "torch" or "torchvision" or "torchaudio" or "numpy"
            && parts[^1] is not [>= 'A' and <= 'Z', ..] // an uppercase name is a class (PEP 8)
            && !name.StartsWith("torch._utils._rebuild_", StringComparison.Ordinal)
            && !safe.Contains(name);
    }

    private static bool IsWithin(string name, string part) => name.StartsWith(part, StringComparison.Ordinal) && (name.Length == part.Length || name[part.Length] == '.');

    private static bool IsException(string name) =>
        name.StartsWith("builtins.", StringComparison.Ordinal) && name.Count(c => c == '.') == 1 && (name.EndsWith("Error", StringComparison.Ordinal) || name.EndsWith("Exception", StringComparison.Ordinal) || name.EndsWith("Warning", StringComparison.Ordinal));

    private static HashSet<string> SplitWords(string words) => [.. words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>Modules that are unsafe anywhere in a name.</summary>
    private static readonly HashSet<string> unsafeModules = SplitWords("os nt posix sys subprocess posixsubprocess builtins builtins__ builtin__ globals__ import__ importlib runpy shutil socket ctypes pty pickle");

    private static readonly HashSet<string> unsafePackages = SplitWords("""
        pip setuptools pkg_resources easy_install requests urllib3 httpx aiohttp cloudpickle dill joblib IPython Cython cffi paramiko pexpect
        psutil win32api win32com pytest _pytest cPickle commands popen2 urllib2 httplib thread StringIO
        """);

    private static readonly string[] unsafePrefixes =
    [
        "torch.load", "torch.hub", "torch.jit", "torch.package", "torch.multiprocessing", "torch.serialization.load", "torch.storage._load_from_bytes", "torch.utils.cpp_extension",
        "torch.utils.model_zoo", "numpy.load", "numpy.fromfile", "numpy.memmap", "numpy.ctypeslib", "numpy.f2py", "numpy.distutils", "numpy.testing", "pandas.read_pickle", "test.support",
        "operator.attrgetter", "operator.methodcaller", "operator.call", "_operator.attrgetter", "_operator.methodcaller", "_operator.call",
    ];

    /// <summary>Modules whose public functions and classes only create, hold or compute values.</summary>
    private static readonly HashSet<string> safeModules = SplitWords("""
        abc array bisect calendar cmath collections collections.abc contextlib copy dataclasses datetime decimal difflib enum exceptions fractions heapq ipaddress itertools json
        math numbers operator _operator pathlib pathlib._local queue re statistics string textwrap typing weakref zoneinfo
        """);

    private static readonly HashSet<string> safe = SplitWords("""
        builtins.object builtins.type builtins.NoneType builtins.NotImplemented builtins.Ellipsis builtins.None
        builtins.bool builtins.int builtins.long builtins.float builtins.complex builtins.str builtins.unicode builtins.basestring builtins.bytes builtins.bytearray
        builtins.list builtins.tuple builtins.dict builtins.set builtins.frozenset builtins.range builtins.xrange builtins.slice
        builtins.iter builtins.reversed builtins.enumerate builtins.zip builtins.map builtins.filter builtins.reduce
        builtins.len builtins.min builtins.max builtins.sum builtins.abs builtins.round builtins.sorted builtins.any builtins.all
        argparse.Namespace array._array_reconstructor _codecs.encode configparser.ConfigParser copyreg._reconstructor copyreg.__newobj__ copyreg.__newobj_ex__
        functools.partial functools.partialmethod functools.reduce _functools.partial _functools.reduce io.BytesIO io.StringIO _io.BytesIO _io.StringIO logging.Logger logging.getLogger
        os.stat_result os.uname_result posix.stat_result posix.uname_result platform.uname_result
        inspect.Signature inspect.Parameter inspect._ParameterKind inspect._empty random.Random random.SystemRandom re._compile time.struct_time types.SimpleNamespace types.NoneType types.EllipsisType types.GenericAlias types.MappingProxyType
        typing._GenericAlias uuid.UUID uuid.SafeUUID zoneinfo.ZoneInfo._unpickle _decimal.Decimal _pydecimal.Decimal _collections.deque _struct.Struct
        torch.device torch.dtype torch.finfo torch.iinfo torch.layout torch.memory_format torch.qscheme torch.serialization._get_layout
        torch._tensor._rebuild_from_type torch._tensor._rebuild_from_type_v2 torch.nn.backends.thnn._get_thnn_function_backend
        numpy.ndarray numpy.dtype numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct numpy.core.multiarray.scalar numpy._core.multiarray.scalar
        numpy._core._internal._convert_to_stringdtype_kwargs numpy.core.numeric._frombuffer numpy._core.numeric._frombuffer numpy.ma.core._mareconstruct numpy.matrix numpy.recarray numpy.rec.recarray numpy.record numpy.datetime64 numpy.timedelta64
        numpy.random._pickle.__randomstate_ctor numpy.random._pickle.__generator_ctor numpy.random._pickle.__bit_generator_ctor
        """);

    /// <summary>The standard library of Python up to 3.13, from <c>sys.stdlib_module_names</c>, without leading underscores.</summary>
    private static readonly HashSet<string> standardLibrary = SplitWords("""
        abc aifc aix_support antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect blake2 bootsubprocess bz2 cProfile
        calendar cgi cgitb chunk cmath cmd code codecs codeop collections collections_abc colorsys compat_pickle compileall compression concurrent configparser contextlib contextvars
        copy copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest elementtree email encodings ensurepip enum errno faulthandler
        fcntl filecmp fileinput fnmatch fractions frozen_importlib frozen_importlib_external ftplib functools gc gdbm genericpath getopt getpass gettext glob graphlib
        grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp inspect interpreters io ipaddress itertools json keyword lib2to3 linecache locale
        logging lsprof lzma mailbox mailcap markupbase marshal math mimetypes mmap modulefinder msi msilib msvcrt multibytecodec multiprocessing netrc nis nntplib ntpath nturl2path
        numbers opcode operator optparse ossaudiodev osx_support overlapped pathlib pdb pickletools pipes pkgutil platform plistlib poplib posixpath posixshmem pprint
        profile pstats pwd py_abc py_compile pyclbr pydatetime pydecimal pydoc pydoc_data pyexpat pyio pyrepl queue quopri random re readline reprlib resource rlcompleter
        sched scproxy secrets select selectors shelve shlex signal site sitebuiltins smtpd smtplib sndhdr socketserver spwd sqlite3 sre sre_compile sre_constants sre_parse
        ssl stat statistics string stringprep strptime struct sunau symtable sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this thread threading
        threading_local time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uu uuid
        venv warnings wave weakref weakrefset webbrowser winapi winreg winsound wmi wsgiref xdrlib xml xmlrpc xxsubinterpreters zipapp zipfile zipimport zlib zoneinfo
        """);
}
