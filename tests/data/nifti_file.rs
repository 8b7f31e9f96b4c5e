//! NIfTI-1 files built field by field, so that tests do not trust the writer they test.

use std::io::Write;

/// Byte offsets of header fields (nifti1.h).
pub mod field {
    pub const DIM: usize = 40;
    pub const INTENT_CODE: usize = 68;
    pub const DATATYPE: usize = 70;
    pub const PIXDIM: usize = 76;
    pub const VOX_OFFSET: usize = 108;
    pub const SCL_SLOPE: usize = 112;
    pub const SCL_INTER: usize = 116;
    pub const XYZT_UNITS: usize = 123;
    pub const CAL_MAX: usize = 124;
    pub const DESCRIP: usize = 148;
    pub const QFORM_CODE: usize = 252;
    pub const SFORM_CODE: usize = 254;
    pub const QUATERN_B: usize = 256;
    pub const SROW_X: usize = 280;
    pub const MAGIC: usize = 344;
}

/// Datatype codes.
pub const U8: i16 = 2;
pub const I16: i16 = 4;
pub const F32: i16 = 16;

/// A file in the making: 348 header bytes, four extender bytes, then whatever is added.
pub struct NiftiFile {
    big_endian: bool,
    pub bytes: Vec<u8>,
}

impl NiftiFile {
    pub fn new(dims: &[i16], datatype: i16) -> Self {
        Self::in_byte_order(dims, datatype, false)
    }

    /// Sform: 1 mm voxels, RAS.
    pub fn in_byte_order(dims: &[i16], datatype: i16, big_endian: bool) -> Self {
        let mut file = Self {
            big_endian,
            bytes: vec![0; 352],
        };
        file.i32(0, 348);
        file.i16(field::DIM, dims.len() as i16);
        for (axis, &size) in dims.iter().enumerate() {
            file.i16(field::DIM + 2 + 2 * axis, size);
        }
        file.i16(field::DATATYPE, datatype);
        for axis in 0..8 {
            file.f32(field::PIXDIM + 4 * axis, 1.0);
        }
        file.f32(field::VOX_OFFSET, 352.0);
        file.i16(field::SFORM_CODE, 1);
        for row in 0..3 {
            file.f32(field::SROW_X + 20 * row, 1.0);
        }
        file.bytes[field::MAGIC..field::MAGIC + 4].copy_from_slice(b"n+1\0");
        file
    }

    pub fn i16(&mut self, offset: usize, value: i16) {
        self.put(offset, value.to_be_bytes());
    }

    pub fn i32(&mut self, offset: usize, value: i32) {
        self.put(offset, value.to_be_bytes());
    }

    pub fn f32(&mut self, offset: usize, value: f32) {
        self.put(offset, value.to_be_bytes());
    }

    /// Values of consecutive f32 fields.
    pub fn f32s(&mut self, offset: usize, values: &[f32]) {
        for (index, &value) in values.iter().enumerate() {
            self.f32(offset + 4 * index, value);
        }
    }

    fn put<const N: usize>(&mut self, offset: usize, mut value: [u8; N]) {
        if !self.big_endian {
            value.reverse();
        }
        self.bytes[offset..offset + N].copy_from_slice(&value);
    }

    /// Adds an extension; `data` is taken as it is.
    pub fn extension(&mut self, code: i32, data: &[u8]) {
        let start = self.bytes.len();
        self.bytes[348] = 1;
        self.bytes.resize(start + 8, 0);
        self.i32(start, data.len() as i32 + 8);
        self.i32(start + 4, code);
        self.bytes.extend(data);
        self.f32(field::VOX_OFFSET, self.bytes.len() as f32);
    }

    /// The file with these voxel bytes.
    pub fn with(mut self, voxels: &[u8]) -> Vec<u8> {
        self.bytes.extend(voxels);
        self.bytes
    }
}

/// A small int16 file with values 0, 1, 2, ...
pub fn counting(dims: [i16; 3]) -> Vec<u8> {
    let voxels: i16 = dims.iter().product();
    NiftiFile::new(&dims, I16).with(&i16_bytes(0..voxels))
}

/// A uint8 file.
pub fn bytes_file(dims: [i16; 3], voxels: &[u8]) -> Vec<u8> {
    NiftiFile::new(&dims, U8).with(voxels)
}

pub fn i16_bytes(values: impl IntoIterator<Item = i16>) -> Vec<u8> {
    values.into_iter().flat_map(i16::to_le_bytes).collect()
}

pub fn f32_bytes(values: impl IntoIterator<Item = f32>) -> Vec<u8> {
    values.into_iter().flat_map(f32::to_le_bytes).collect()
}

/// One gzip member, made by flate2 directly.
pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}
