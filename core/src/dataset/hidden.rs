//! Files and folders that are no one's data.

/// Folders that systems keep for themselves.
const OF_SYSTEMS: [&str; 6] = [
    "__MACOSX",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "#recycle",
    "@eaDir",
];

/// Whether a file or folder of this name, found in a folder that was asked for, is passed over with all that is
/// in it: hidden ones (`.DS_Store`, `._case.nii.gz`, `.ipynb_checkpoints`), what systems keep for themselves, and
/// files whose writing was cut off.
pub fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || name.ends_with(".partial") || OF_SYSTEMS.contains(&name)
}
