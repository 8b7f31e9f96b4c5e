//! The NIfTI-1 header: 348 bytes and the extensions after them.
//!
//! The `nifti` crate names the fields here, and turns bytes into numbers in `voxels`, for all ten types and both byte
//! orders. The rest is done here, because in version 0.18:
//! - its header is not checked: it accepts `sizeof_hdr` 540 and negative sizes, and reads sizes as unsigned;
//! - a damaged extension makes reading fail, and an extension size of 0 is trusted;
//! - its volumes hold all frames at once, as bytes and as numbers, panic on complex numbers and turn a
//!   slope of NaN into voxels of NaN; so we read one frame in parts, and scale ourselves;
//! - its reader detects gzip by the file's name, and only reads the first of several members;
//! - its writer needs a file system, which a browser does not have.

use nifti::NiftiHeader;

use crate::volume::grid::format_dims;
use crate::volume::stream::Stream;
use crate::volume::{Datatype, Grid, Result, VolumeError};

/// Length of the header.
const SIZE: usize = 348;
/// Start of the extensions, and the smallest voxel offset: the header and four extender bytes.
const EXTENSIONS: u64 = 352;
/// Largest plausible size of all extensions.
const MAX_EXTENSIONS: u64 = 64 << 20;

// Byte offsets of the fields that are written.
const DIM: usize = 40;
const INTENT_P1: usize = 56;
const INTENT_CODE: usize = 68;
const DATATYPE: usize = 70;
const BITPIX: usize = 72;
const PIXDIM: usize = 76;
const VOX_OFFSET: usize = 108;
const SCL_SLOPE: usize = 112;
const SCL_INTER: usize = 116;
const XYZT_UNITS: usize = 123;
const CAL_MAX: usize = 124;
const CAL_MIN: usize = 128;
const SFORM_CODE: usize = 254;
const SROW_X: usize = 280;
const INTENT_NAME: usize = 328;
const MAGIC: usize = 344;

/// `NIFTI_INTENT_LABEL`: viewers show the volume as labels, not as intensities.
pub const INTENT_LABEL: i16 = 1002;

/// One header extension (NIfTI-1: a size, a code and data).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// What the data is: 0 unknown, 2 DICOM, 4 AFNI, 6 comment, ...
    pub code: i32,
    /// The data, with its padding.
    pub data: Vec<u8>,
}

/// A checked NIfTI-1 header.
#[derive(Debug, Clone)]
pub struct Header {
    bytes: [u8; SIZE],
    pub(super) fields: NiftiHeader,
    pub(super) big_endian: bool,
    extensions: Vec<Extension>,
}

impl Header {
    /// Reads and checks the 348 bytes; extensions follow in [`Header::read_extensions`].
    pub(in crate::volume) fn read(stream: &mut Stream) -> Result<Header> {
        let mut bytes = [0; SIZE];
        if let Err(error) = stream.read_exact(&mut bytes[..4]) {
            return Err(if stream.is_gzipped() {
                error
            } else {
                VolumeError::UnknownFormat
            });
        }
        let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
        let (little, big) = (i32::from_le_bytes(size), i32::from_be_bytes(size));
        if little == 540 || big == 540 {
            return Err(VolumeError::Nifti2);
        }
        if little != SIZE as i32 && big != SIZE as i32 {
            return Err(VolumeError::UnknownFormat);
        }
        stream.read_exact(&mut bytes[4..])?;
        let big_endian = big == SIZE as i32;
        if big_endian {
            swap_bytes(&mut bytes);
        }
        match &bytes[MAGIC..] {
            b"n+1\0" => {}
            b"ni1\0" => return Err(VolumeError::HeaderImagePair),
            _ => return Err(VolumeError::UnknownFormat),
        }
        Header::parse(bytes, big_endian)
    }

    fn parse(bytes: [u8; SIZE], big_endian: bool) -> Result<Header> {
        let rank = i16::from_le_bytes([bytes[DIM], bytes[DIM + 1]]);
        // Checked first: the crate derives the byte order from this field.
        if !(1..=7).contains(&rank) {
            return Err(VolumeError::DamagedHeader(format!("it counts {rank} dimensions")));
        }
        let fields =
            NiftiHeader::from_reader(&bytes[..]).map_err(|error| VolumeError::DamagedHeader(error.to_string()))?;
        Ok(Header {
            bytes,
            fields,
            big_endian,
            extensions: Vec::new(),
        })
    }

    /// A header for a volume without one: `grid` as sform, in mm, slope and intercept.
    pub(in crate::volume) fn of_grid(
        grid: &Grid,
        datatype: Datatype,
        (slope, intercept): (f32, f32),
    ) -> Result<Header> {
        let mut bytes = [0; SIZE];
        put(&mut bytes, 0, (SIZE as i32).to_le_bytes());
        put(&mut bytes, MAGIC, *b"n+1\0");
        bytes[XYZT_UNITS] = 2; // mm
        put_dim(&mut bytes, grid.dims)?;
        let spacing = grid.spacing();
        for (axis, size) in [1.0, spacing[0], spacing[1], spacing[2], 1.0, 1.0, 1.0, 1.0]
            .into_iter()
            .enumerate()
        {
            put(&mut bytes, PIXDIM + 4 * axis, (size as f32).to_le_bytes());
        }
        put(&mut bytes, SFORM_CODE, 2i16.to_le_bytes()); // aligned
        for (index, value) in grid.affine.0.iter().flatten().enumerate() {
            put(&mut bytes, SROW_X + 4 * index, (*value as f32).to_le_bytes());
        }
        put_datatype(&mut bytes, datatype);
        put_scaling(&mut bytes, slope, intercept);
        Header::parse(bytes, false)
    }

    /// The 348 header bytes, little-endian (a big-endian file's header is swapped, bit for bit).
    pub fn bytes(&self) -> &[u8; SIZE] {
        &self.bytes
    }

    /// The extensions, in the file's order.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// `descrip`, as text.
    pub fn description(&self) -> String {
        let text = self.fields.descrip.split(|&byte| byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).trim().to_owned()
    }

    /// How one voxel is stored.
    pub(in crate::volume) fn datatype(&self) -> Result<Datatype> {
        Datatype::from_code(self.fields.datatype)
    }

    /// Size along i, j, k, and the number of frames. Axes of length one after the third are dropped.
    pub(in crate::volume) fn shape(&self) -> Result<([usize; 3], usize)> {
        let rank = usize::from(self.fields.dim[0]);
        let mut sizes = [1; 7];
        for (axis, size) in sizes.iter_mut().enumerate().take(rank) {
            // The field is signed; the crate reads it unsigned.
            let stored = self.fields.dim[axis + 1] as i16;
            // Some writers leave unused axes at 0.
            *size = if axis >= 3 { stored.max(1) } else { stored };
            if stored < 0 || *size == 0 {
                let name = axis + 1;
                return Err(VolumeError::DamagedHeader(format!("dimension {name} is {stored}")));
            }
        }
        let sizes = sizes.map(|size| size as usize);
        let text = || format_dims(&sizes[..rank]);
        if sizes[..3].contains(&1) {
            return Err(VolumeError::NotVolume(text()));
        }
        if sizes[4..].iter().any(|&size| size > 1) {
            return Err(VolumeError::VectorVoxels(text()));
        }
        Ok(([sizes[0], sizes[1], sizes[2]], sizes[3]))
    }

    /// Slope and intercept, (1, 0) where the header's are unusable. A slope of 0 means "none" (NIfTI-1), and NaN is
    /// what some libraries leave behind; both mean the stored values.
    pub(in crate::volume) fn scaling(&self) -> (f64, f64) {
        let (slope, inter) = (f64::from(self.fields.scl_slope), f64::from(self.fields.scl_inter));
        if slope == 0.0 || !slope.is_finite() {
            (1.0, 0.0)
        } else {
            (slope, if inter.is_finite() { inter } else { 0.0 })
        }
    }

    /// Reads up to the first voxel and keeps the extensions. Returns a sentence when one is damaged;
    /// voxels do not depend on them.
    pub(in crate::volume) fn read_extensions(&mut self, stream: &mut Stream) -> Result<Option<String>> {
        let offset = self.fields.vox_offset;
        if !offset.is_finite() || offset < 0.0 || offset as u64 > EXTENSIONS + MAX_EXTENSIONS {
            return Err(VolumeError::DamagedHeader(format!(
                "voxels are said to start at byte {offset}"
            )));
        }
        let mut extender = [0; 4];
        stream.read_exact(&mut extender)?;
        // Offsets below 352 (0 is common) mean "right after the header".
        let region = stream.read_vec((offset as u64).saturating_sub(EXTENSIONS))?;
        if extender[0] == 0 {
            return Ok(None);
        }
        let mut rest = &region[..];
        while let Some((head, _)) = rest.split_first_chunk::<8>() {
            let read = if self.big_endian {
                i32::from_be_bytes
            } else {
                i32::from_le_bytes
            };
            let size = read([head[0], head[1], head[2], head[3]]);
            let code = read([head[4], head[5], head[6], head[7]]);
            let Some(data) = usize::try_from(size).ok().and_then(|size| rest.get(8..size)) else {
                let padding = rest.iter().all(|&byte| byte == 0);
                return Ok((!padding).then(|| "a header extension is damaged and was left out".to_owned()));
            };
            self.extensions.push(Extension {
                code,
                data: data.to_vec(),
            });
            rest = &rest[8 + data.len()..];
        }
        Ok(None)
    }

    /// This header for the one frame that is in memory.
    pub(in crate::volume) fn of_one_frame(mut self) -> Header {
        if self.fields.dim[0] != 3 {
            let [_, i, j, k, ..] = self.fields.dim;
            self.fields.dim = [3, i, j, k, 1, 1, 1, 1];
            for (axis, size) in self.fields.dim.into_iter().enumerate() {
                put(&mut self.bytes, DIM + 2 * axis, size.to_le_bytes());
            }
        }
        self
    }

    /// This header with size and grid of another volume, for voxels that were moved to its grid.
    pub(in crate::volume) fn placed_like(&self, other: &Header) -> Result<Header> {
        const UNITS: std::ops::Range<usize> = XYZT_UNITS..XYZT_UNITS + 1;
        const FORMS: std::ops::Range<usize> = SFORM_CODE - 2..INTENT_NAME;
        let mut bytes = self.bytes;
        for range in [DIM..INTENT_P1, PIXDIM..VOX_OFFSET, UNITS, FORMS] {
            bytes[range.clone()].copy_from_slice(&other.bytes[range]);
        }
        let extensions = self.extensions.clone();
        Ok(Header {
            extensions,
            ..Header::parse(bytes, false)?
        })
    }

    /// Adds a text as an extension: a comment.
    pub(in crate::volume) fn add_comment(&mut self, text: &str) {
        const COMMENT: i32 = 6;
        self.extensions.push(Extension {
            code: COMMENT,
            data: text.as_bytes().to_vec(),
        });
    }

    /// Everything before the first voxel: header, extender, extensions; a multiple of 16 bytes, as NIfTI-1 asks.
    pub(in crate::volume) fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.bytes.to_vec();
        out.extend([u8::from(!self.extensions.is_empty()), 0, 0, 0]);
        for extension in &self.extensions {
            let size = (8 + extension.data.len()).next_multiple_of(16);
            let end = out.len() + size;
            out.extend((size as i32).to_le_bytes());
            out.extend(extension.code.to_le_bytes());
            out.extend(&extension.data);
            out.resize(end, 0);
        }
        let offset = out.len() as f32;
        put(&mut out, VOX_OFFSET, offset.to_le_bytes());
        out
    }

    /// [`Header::to_bytes`] for a label map on the same grid: size, spacing, units, forms,
    /// description and extensions stay as they are.
    pub(in crate::volume) fn to_label_bytes(&self, datatype: Datatype) -> Vec<u8> {
        let mut out = self.to_bytes();
        put_datatype(&mut out, datatype);
        put_scaling(&mut out, 1.0, 0.0);
        put_intent(&mut out, INTENT_LABEL);
        put_shown(&mut out, 0.0, 0.0);
        out
    }

    /// This header for fractions from 0 to 1 on the same grid, stored as bytes from 0 to 255; otherwise as
    /// [`Header::to_label_bytes`].
    pub(in crate::volume) fn of_shares(&self) -> Result<Header> {
        let mut bytes = self.bytes;
        put_datatype(&mut bytes, Datatype::U8);
        put_scaling(&mut bytes, 1.0 / f32::from(u8::MAX), 0.0);
        put_intent(&mut bytes, 0);
        // Even if the volume does not use the full range.
        put_shown(&mut bytes, 0.0, 1.0);
        let extensions = self.extensions.clone();
        Ok(Header {
            extensions,
            ..Header::parse(bytes, false)?
        })
    }
}

fn put<const N: usize>(bytes: &mut [u8], offset: usize, value: [u8; N]) {
    bytes[offset..offset + N].copy_from_slice(&value);
}

fn put_dim(bytes: &mut [u8], dims: [usize; 3]) -> Result<()> {
    put(bytes, DIM, 3i16.to_le_bytes());
    for axis in 0..7 {
        let size = dims.get(axis).copied().unwrap_or(1);
        let size = i16::try_from(size)
            .map_err(|_| VolumeError::DamagedHeader(format!("{size} voxels along one axis are more than 32767")))?;
        put(bytes, DIM + 2 + 2 * axis, size.to_le_bytes());
    }
    Ok(())
}

fn put_datatype(bytes: &mut [u8], datatype: Datatype) {
    put(bytes, DATATYPE, datatype.code().to_le_bytes());
    put(bytes, BITPIX, (8 * datatype.bytes() as i16).to_le_bytes());
}

fn put_scaling(bytes: &mut [u8], slope: f32, inter: f32) {
    put(bytes, SCL_SLOPE, slope.to_le_bytes());
    put(bytes, SCL_INTER, inter.to_le_bytes());
}

/// What the values mean, without parameters and name.
fn put_intent(bytes: &mut [u8], code: i16) {
    put(bytes, INTENT_P1, [0; 12]);
    put(bytes, INTENT_NAME, [0; 16]);
    put(bytes, INTENT_CODE, code.to_le_bytes());
}

/// The display range of viewers; two zeros let them choose.
fn put_shown(bytes: &mut [u8], least: f32, most: f32) {
    put(bytes, CAL_MIN, least.to_le_bytes());
    put(bytes, CAL_MAX, most.to_le_bytes());
}

/// Reverses the bytes of every number in the header; text and single bytes stay.
fn swap_bytes(bytes: &mut [u8; SIZE]) {
    const FOUR: [std::ops::Range<usize>; 6] = [0..4, 32..36, 56..68, 76..120, 124..148, 256..328];
    const TWO: [std::ops::Range<usize>; 5] = [36..38, 40..56, 68..76, 120..122, 252..256];
    for range in FOUR {
        for number in bytes[range].as_chunks_mut::<4>().0 {
            number.reverse();
        }
    }
    for range in TWO {
        for number in bytes[range].as_chunks_mut::<2>().0 {
            number.reverse();
        }
    }
}
