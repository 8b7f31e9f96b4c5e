//! NIfTI-1's datatype codes.

use crate::volume::{Datatype, Result, VolumeError};

impl Datatype {
    /// The type of a NIfTI-1 datatype code.
    pub(in crate::volume) fn from_code(code: i16) -> Result<Datatype> {
        let refused = match code {
            2 => return Ok(Datatype::U8),
            256 => return Ok(Datatype::I8),
            512 => return Ok(Datatype::U16),
            4 => return Ok(Datatype::I16),
            768 => return Ok(Datatype::U32),
            8 => return Ok(Datatype::I32),
            1280 => return Ok(Datatype::U64),
            1024 => return Ok(Datatype::I64),
            16 => return Ok(Datatype::F32),
            64 => return Ok(Datatype::F64),
            1 => "single bits",
            32 | 1792 | 2048 => "complex numbers",
            128 | 2304 => "RGB colors",
            1536 => "128-bit floats",
            _ => {
                return Err(VolumeError::DamagedHeader(format!("there is no datatype {code}")));
            }
        };
        Err(VolumeError::UnsupportedType(refused.into()))
    }

    /// Its NIfTI-1 datatype code.
    pub(in crate::volume) fn code(self) -> i16 {
        match self {
            Datatype::U8 => 2,
            Datatype::I8 => 256,
            Datatype::U16 => 512,
            Datatype::I16 => 4,
            Datatype::U32 => 768,
            Datatype::I32 => 8,
            Datatype::U64 => 1280,
            Datatype::I64 => 1024,
            Datatype::F32 => 16,
            Datatype::F64 => 64,
        }
    }
}
