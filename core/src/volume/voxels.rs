//! Voxel values in the type of the file.

use nifti::{DataElement, Endianness};

use super::stream::Stream;
use super::{AxisOrderInFile, Datatype, Result, VolumeError};

/// Voxels in the file's order (i fastest) and the file's type, before slope and intercept. Keeping
/// the type keeps a CT at two bytes per voxel.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Voxels {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Evaluates an expression on whichever vector a [`Voxels`] holds.
macro_rules! with_values {
    ($voxels:expr, $values:ident => $body:expr) => {{
        // `as f64` in the body is needed for nine of the ten types.
        #[allow(clippy::unnecessary_cast)]
        let result = match $voxels {
            $crate::volume::Voxels::U8($values) => $body,
            $crate::volume::Voxels::I8($values) => $body,
            $crate::volume::Voxels::U16($values) => $body,
            $crate::volume::Voxels::I16($values) => $body,
            $crate::volume::Voxels::U32($values) => $body,
            $crate::volume::Voxels::I32($values) => $body,
            $crate::volume::Voxels::U64($values) => $body,
            $crate::volume::Voxels::I64($values) => $body,
            $crate::volume::Voxels::F32($values) => $body,
            $crate::volume::Voxels::F64($values) => $body,
        };
        result
    }};
}
pub(super) use with_values;

impl Voxels {
    /// Reads `count` voxels.
    pub(super) fn read(stream: &mut Stream, datatype: Datatype, count: usize, big_endian: bool) -> Result<Voxels> {
        let order = if big_endian {
            Endianness::Big
        } else {
            Endianness::Little
        };
        Ok(match datatype {
            Datatype::U8 => Voxels::U8(read_values(stream, count, order)?),
            Datatype::I8 => Voxels::I8(read_values(stream, count, order)?),
            Datatype::U16 => Voxels::U16(read_values(stream, count, order)?),
            Datatype::I16 => Voxels::I16(read_values(stream, count, order)?),
            Datatype::U32 => Voxels::U32(read_values(stream, count, order)?),
            Datatype::I32 => Voxels::I32(read_values(stream, count, order)?),
            Datatype::U64 => Voxels::U64(read_values(stream, count, order)?),
            Datatype::I64 => Voxels::I64(read_values(stream, count, order)?),
            Datatype::F32 => Voxels::F32(read_values(stream, count, order)?),
            Datatype::F64 => Voxels::F64(read_values(stream, count, order)?),
        })
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        with_values!(self, values => values.len())
    }

    /// Whether there are no voxels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How one voxel is stored.
    pub fn datatype(&self) -> Datatype {
        match self {
            Voxels::U8(_) => Datatype::U8,
            Voxels::I8(_) => Datatype::I8,
            Voxels::U16(_) => Datatype::U16,
            Voxels::I16(_) => Datatype::I16,
            Voxels::U32(_) => Datatype::U32,
            Voxels::I32(_) => Datatype::I32,
            Voxels::U64(_) => Datatype::U64,
            Voxels::I64(_) => Datatype::I64,
            Voxels::F32(_) => Datatype::F32,
            Voxels::F64(_) => Datatype::F64,
        }
    }

    /// The voxels of a volume of `dims` with its axes in another order.
    pub(super) fn reordered(&self, order: AxisOrderInFile, dims: [usize; 3]) -> Voxels {
        macro_rules! reorder {
            ($($variant:ident)*) => {
                match self {
                    $(Voxels::$variant(values) => Voxels::$variant(order.apply(values, dims)),)*
                }
            };
        }
        reorder!(U8 I8 U16 I16 U32 I32 U64 I64 F32 F64)
    }

    /// Appends the values, little-endian.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        with_values!(self, values => values.iter().for_each(|value| out.extend(value.to_le_bytes())));
    }
}

/// Reads chunk by chunk, so that a volume is never in memory twice.
fn read_values<T: DataElement>(stream: &mut Stream, count: usize, order: Endianness) -> Result<Vec<T>> {
    const PART: usize = 1 << 14;
    let mut values = Vec::new();
    values.try_reserve_exact(count).map_err(|_| VolumeError::OutOfMemory)?;
    while values.len() < count {
        let part = PART.min(count - values.len());
        let bytes = stream.read_vec((part * size_of::<T>()) as u64)?;
        let part = T::from_raw_vec(bytes, order);
        values.extend(part.map_err(|error| VolumeError::DamagedHeader(error.to_string()))?);
    }
    Ok(values)
}
