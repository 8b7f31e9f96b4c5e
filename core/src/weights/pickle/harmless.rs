//! What a checkpoint may call.

/// Whether a checkpoint may ask to call this class or function. Nothing is executed in any case; the list serves to
/// report files that are meant to do harm elsewhere.
///
/// Frameworks store their own objects beside the tensors (settings, callbacks, enumerations): classes, recognized by
/// CamelCase, are allowed, except those of Python that reach the system.
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

/// Python's own names that only create values.
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
