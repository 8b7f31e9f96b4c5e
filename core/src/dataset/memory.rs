//! How much memory cases need, estimated from file headers.

use crate::volume::Datatype;

/// Bytes that a case takes during training: its channels as stored and as the network sees them, and likewise its
/// labels. `size` is its voxels along three axes in any order.
pub fn case_bytes(size: [usize; 3], channels: usize, datatype: Datatype) -> u64 {
    let voxels: u64 = size.iter().map(|&side| side as u64).product();
    let image = datatype.bytes() + size_of::<f32>() as u64;
    let label = size_of::<u16>() as u64 + size_of::<u8>() as u64;
    voxels * (channels as u64 * image + label)
}
