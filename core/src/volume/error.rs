//! Errors of volume files, one plain sentence each. The file's name is added by [`crate::Error::Volume`].

use super::format;

/// A volume that cannot be used, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VolumeError {
    /// The first bytes are not the header of any supported format.
    #[error(
        "this is not a {formats} file; choose a volume saved as {endings}",
        formats = format::names(),
        endings = format::endings()
    )]
    UnknownFormat,
    /// Several files for one volume of a format with one file per volume.
    #[error("a {format} volume is one file, and {files} were given; choose one of them")]
    SeveralFiles {
        /// The format's name.
        format: &'static str,
        /// How many files there are.
        files: usize,
    },
    /// `sizeof_hdr` is 540.
    #[error("this is a NIfTI-2 file, which is not supported; save it as NIfTI-1 (.nii or .nii.gz)")]
    Nifti2,
    /// The magic is `ni1`: the voxels are in a separate .img file.
    #[error(
        "this is the header of a .hdr/.img pair, which is not supported; save the volume as one .nii or .nii.gz file"
    )]
    HeaderImagePair,
    /// A header field that makes no sense.
    #[error("the header is damaged: {0}; export the volume again")]
    DamagedHeader(String),
    /// Voxels that are not single real numbers (RGB, complex, 128-bit).
    #[error("the voxels are {0}, which is not supported; export one integer or float value per voxel")]
    UnsupportedType(String),
    /// Fewer than three axes longer than one voxel.
    #[error("this is a 2D image of {0} voxels; a 3D volume with at least two voxels along each axis is needed")]
    NotVolume(String),
    /// More than one frame along the fourth axis.
    #[error("this is a 4D series of {frames} frames; choose a frame and save it as a 3D volume")]
    SeveralFrames {
        /// Number of frames.
        frames: usize,
    },
    /// A frame that the file does not have.
    #[error("there is no frame {frame}; the file has {frames}, counted from 0")]
    NoSuchFrame {
        /// The frame asked for, counted from 0.
        frame: usize,
        /// Number of frames.
        frames: usize,
    },
    /// More than four axes longer than one voxel.
    #[error("each voxel holds a vector (dimensions {0}), which is not supported; export one value per voxel")]
    VectorVoxels(String),
    /// More memory than [`Limits`](super::Limits) allows.
    #[error(
        "it needs {needed_mib} MiB of memory and the limit is {limit_mib} MiB; crop or downsample the volume, or raise \
         the limit"
    )]
    TooLarge {
        /// MiB that the decoded voxels take.
        needed_mib: u64,
        /// MiB allowed.
        limit_mib: u64,
    },
    /// The system lacks the memory for a volume that is within the limit.
    #[error("there is not enough free memory for it; close other programs, or crop or downsample the volume")]
    OutOfMemory,
    /// Fewer voxels than the header promises.
    #[error("the file ends before its last voxel; it was probably cut short while copying: copy or download it again")]
    Truncated,
    /// The gzip stream does not decode or its checksum is wrong.
    #[error("the gzip data is damaged ({0}); copy or download the file again")]
    DamagedGzip(String),
    /// Voxels of a label map that are not integers.
    #[error("voxel value {0} is not a whole number: this looks like an image, not labels; choose the label map")]
    NotLabels(f64),
    /// Labels below zero.
    #[error("label {0} is negative; labels are whole numbers from 0 to 65535")]
    NegativeLabel(f64),
    /// Labels above 65535.
    #[error("label {0} is too large; labels are whole numbers from 0 to 65535")]
    LabelTooLarge(f64),
    /// A volume whose grid and size differ from those of the one it belongs to.
    #[error("it has {found}, not {wanted}")]
    Elsewhere {
        /// Its own grid, in words.
        found: String,
        /// The grid it should lie on.
        wanted: String,
    },
    /// An array that does not fit its grid.
    #[error("an array of {array} voxels does not fit a grid of {grid}")]
    ShapeMismatch {
        /// Shape of the array.
        array: String,
        /// Shape of the grid.
        grid: String,
    },
}
