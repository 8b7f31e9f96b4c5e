//! Multiplications with addition of the layers that matter: products and convolutions.

use crate::nn::WindowGrid;

/// Voxels of a patch.
pub(super) fn volume(patch: [usize; 3]) -> f64 {
    patch.iter().product::<usize>() as f64
}

/// A convolution with `kernel` voxels to `voxels` outputs.
pub(super) fn conv(voxels: usize, input: usize, output: usize, kernel: usize) -> u64 {
    voxels as u64 * (input * output * kernel) as u64
}

/// MONAI's block of two convolutions, with or without a shortcut.
pub(super) fn conv_block(voxels: usize, input: usize, output: usize, residual: bool) -> u64 {
    let shortcut = if residual && input != output {
        conv(voxels, input, output, 1)
    } else {
        0
    };
    conv(voxels, input, output, 27) + conv(voxels, output, output, 27) + shortcut
}

/// One level of MONAI's decoder, to `voxels` outputs.
pub(super) fn decoder_up(voxels: usize, input: usize, output: usize, residual: bool) -> u64 {
    conv(voxels, input, output, 1) + conv_block(voxels, 2 * output, output, residual)
}

/// A transformer block with global attention and `hidden` channels inside its MLP.
pub(super) fn transformer_block(tokens: usize, channels: usize, hidden: usize) -> u64 {
    let mixed = conv(tokens, channels, 4 * channels + 2 * hidden, 1);
    mixed + conv(tokens, 2 * tokens, channels, 1)
}

/// A transformer block over windows of a grid, padded where windows reach beyond it; `projections`
/// is 4 with queries, keys, values and output, 3 without queries.
pub(super) fn swin_block(
    grid: [usize; 3],
    window: [usize; 3],
    channels: usize,
    mlp_ratio: usize,
    projections: usize,
) -> u64 {
    let windows = WindowGrid::new(grid, window, false);
    let (tokens, seen) = (grid.iter().product(), windows.tokens());
    let padded = windows.windows() * seen;
    conv(padded, channels, projections * channels + 2 * seen, 1) + conv(tokens, channels, 2 * mlp_ratio * channels, 1)
}
