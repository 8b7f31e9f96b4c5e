//! The name of voxels that are not labeled.

/// nnU-Net's name for the label of voxels that are not labeled.
pub const IGNORE: &str = "ignore";

/// Whether a label of this name stands for voxels that are not labeled: [`IGNORE`], in upper or lower case.
pub fn names_ignored(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(IGNORE)
}

#[cfg(test)]
mod tests {
    use super::names_ignored;

    #[test]
    fn the_name_is_nnunets_in_any_case() {
        assert!(names_ignored("ignore") && names_ignored(" Ignore"));
        assert!(!names_ignored("ignored"));
    }
}
