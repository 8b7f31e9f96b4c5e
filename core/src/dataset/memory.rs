//! How much memory cases need, estimated from file headers.

use super::{DatasetError, Result};
use crate::volume::Datatype;

const GIB: f64 = (1u64 << 30) as f64;

/// Bytes that a case takes during training: its channels as stored and as the network sees them, and likewise its
/// labels. `size` is its voxels along three axes in any order.
pub fn case_bytes(size: [usize; 3], channels: usize, datatype: Datatype) -> u64 {
    let voxels: u64 = size.iter().map(|&side| side as u64).product();
    let image = datatype.bytes() + size_of::<f32>() as u64;
    let label = size_of::<u16>() as u64 + size_of::<u8>() as u64;
    voxels * (channels as u64 * image + label)
}

/// Refuses cases that take more than `room` bytes of memory, before any is read. `bytes` are those of each, as
/// [`case_bytes`] counts them.
///
/// # Errors
/// [`DatasetError::Memory`] when they do.
pub fn check_memory(bytes: &[u64], room: u64) -> Result<()> {
    let needed: u64 = bytes.iter().sum();
    if needed <= room {
        return Ok(());
    }
    Err(DatasetError::Memory {
        cases: match bytes.len() {
            1 => "this case takes".to_owned(),
            number => format!("these {number} cases take"),
        },
        needed_gib: needed as f64 / GIB,
        room_gib: room as f64 / GIB,
    })
}
