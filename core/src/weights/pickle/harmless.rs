//! What a checkpoint may ask for.

/// Whether a checkpoint may ask to call this class or function. It is not run either; the list is there
/// to say so plainly when a file is meant to do harm elsewhere.
///
/// Frameworks put objects of their own beside the tensors (settings, callbacks, enumerations): classes,
/// which are written in CamelCase, may be asked for, but for those of Python that reach the system.
pub(super) fn is_harmless(global: &str) -> bool {
    let (module, name) = global.rsplit_once('.').unwrap_or(("", global));
    let top = module.split('.').next().unwrap_or(module);
    match top {
        "torch" | "numpy" | "collections" | "argparse" | "pathlib" | "_codecs" | "datetime" => true,
        "builtins" | "__builtin__" => BUILTINS.contains(&name),
        "copyreg" | "copy_reg" => name == "_reconstructor",
        _ if SYSTEM.contains(&top) => false,
        _ => name.starts_with(char::is_uppercase),
    }
}

/// What of Python's own names only makes values.
const BUILTINS: [&str; 14] = [
    "set",
    "frozenset",
    "list",
    "dict",
    "tuple",
    "slice",
    "range",
    "complex",
    "bytearray",
    "object",
    "int",
    "float",
    "bool",
    "str",
];

/// Modules of Python's library with classes that start programs, load code or reach the network.
const SYSTEM: [&str; 21] = [
    "os",
    "posix",
    "nt",
    "sys",
    "subprocess",
    "multiprocessing",
    "_posixsubprocess",
    "asyncio",
    "ctypes",
    "importlib",
    "runpy",
    "code",
    "codeop",
    "types",
    "pickle",
    "socket",
    "socketserver",
    "http",
    "urllib",
    "ftplib",
    "xmlrpc",
];
