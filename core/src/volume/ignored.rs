//! The name of voxels that are not labeled.

/// Whether a label of this name stands for voxels that are not labeled: nnU-Net's `ignore`, in upper or lower case.
pub fn names_ignored(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case("ignore")
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
