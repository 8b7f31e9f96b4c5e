//! Files and folders to skip.

/// Folders that operating systems reserve.
const OF_SYSTEMS: [&str; 6] = [
    "__MACOSX",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "#recycle",
    "@eaDir",
];

/// Whether a file or folder of this name, found in a folder that was asked for, is skipped with its content: hidden
/// ones (`.DS_Store`, `._case.nii.gz`, `.ipynb_checkpoints`), system folders, and partially written files.
pub fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || name.ends_with(".partial") || OF_SYSTEMS.contains(&name)
}
