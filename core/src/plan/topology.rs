//! How often a U-Net halves each axis, and with which kernels.

/// An axis is halved while it has at least twice this many voxels.
const SMALLEST_FEATURE_MAP: f64 = 4.0;

/// Axes this many times coarser than the finest are not halved with it, and get no kernel of 3.
const ANISOTROPY: f64 = 2.0;

/// Kernels and strides of a U-Net's stages, and the patch that they divide.
///
/// Source: nnU-Net 2.8.1, as described by Isensee et al. 2021 (Nature Methods 18) and measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology<const AXES: usize> {
    /// Of each stage, the kernel of all its convolutions: 1 or 3 along each axis.
    pub kernels: Vec<[usize; AXES]>,
    /// Of each stage, the stride of its first convolution: 1 or 2 along each axis; 1 in the first stage.
    pub strides: Vec<[usize; AXES]>,
    /// The patch in voxels, each axis rounded up to a multiple of the product of its strides.
    pub patch: [usize; AXES],
}

impl<const AXES: usize> Topology<AXES> {
    /// The topology for a spacing in mm and a patch in voxels, which may have halves (as medians do).
    pub fn of(spacing: [f64; AXES], patch: [f64; AXES]) -> Self {
        let (mut mm, mut size) = (spacing, patch);
        let mut kernel = [1; AXES];
        let mut kernels = Vec::new();
        let mut strides = vec![[1; AXES]];
        while let Some(halved) = halved(mm, size) {
            let finest = mm.into_iter().fold(f64::INFINITY, f64::min);
            for axis in 0..AXES {
                if mm[axis] < ANISOTROPY * finest {
                    kernel[axis] = 3;
                }
            }
            for axis in (0..AXES).filter(|axis| halved[*axis]) {
                mm[axis] *= 2.0;
                size[axis] = (size[axis] / 2.0).ceil();
            }
            kernels.push(kernel);
            strides.push(halved.map(|halved| if halved { 2 } else { 1 }));
        }
        kernels.push([3; AXES]);
        let divisors = divisors(&strides);
        let padded = |axis: usize| (patch[axis] / divisors[axis] as f64).ceil() as usize * divisors[axis];
        Self {
            kernels,
            patch: std::array::from_fn(padded),
            strides,
        }
    }

    /// Number of stages of the encoder, the bottleneck included.
    pub fn stages(&self) -> usize {
        self.strides.len()
    }

    /// The product of the strides along each axis, which divides the patch.
    pub fn divisors(&self) -> [usize; AXES] {
        divisors(&self.strides)
    }

    /// Number of voxels of the patch.
    pub fn voxels(&self) -> f64 {
        self.patch.iter().map(|&side| side as f64).product()
    }
}

/// Which axes are halved next; `None` where none is.
fn halved<const AXES: usize>(mm: [f64; AXES], size: [f64; AXES]) -> Option<[bool; AXES]> {
    let large = size.map(|size| size >= 2.0 * SMALLEST_FEATURE_MAP);
    let among = (0..AXES).filter(|axis| large[*axis]);
    let finest = among.map(|axis| mm[axis]).reduce(f64::min)?;
    let kept: [bool; AXES] = std::array::from_fn(|axis| large[axis] && mm[axis] < ANISOTROPY * finest);
    let mut alone = (0..AXES).filter(|axis| kept[*axis]);
    match (alone.next(), alone.next()) {
        (Some(axis), None) if size[axis] < 3.0 * SMALLEST_FEATURE_MAP => None,
        _ => Some(kept),
    }
}

fn divisors<const AXES: usize>(strides: &[[usize; AXES]]) -> [usize; AXES] {
    std::array::from_fn(|axis| strides.iter().map(|stride| stride[axis]).product())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_axes_wait_until_the_others_are_as_coarse() {
        let found = Topology::of([5.0, 1.5, 1.5], [18.0, 232.5, 215.0]);
        assert_eq!(found.patch, [20, 256, 224]);
        assert_eq!(found.kernels[..2], [[1, 3, 3], [3, 3, 3]]);
        assert_eq!(found.strides[..3], [[1, 1, 1], [1, 2, 2], [2, 2, 2]]);
        assert_eq!((found.stages(), found.divisors()), (6, [4, 32, 32]));
    }

    #[test]
    fn a_small_patch_is_one_stage() {
        let found = Topology::of([1.0; 3], [7.0, 7.5, 4.0]);
        assert_eq!((found.stages(), found.patch), (1, [7, 8, 4]));
        // One axis alone is halved from 12 voxels on.
        assert_eq!(Topology::of([1.0; 3], [11.0, 4.0, 4.0]).stages(), 1);
        assert_eq!(Topology::of([1.0; 3], [12.0, 4.0, 4.0]).stages(), 2);
    }
}
