//! Building blocks, in the shapes of networks of paper size.

use burn::tensor::Device;
use medcontext_core::nn::{ConvBlock, Init, RelativeIndex, SwinBlock, SwinBlockConfig, TransformerBlock};

use crate::measure::Bench;
use crate::operations::layer;

/// Measures all of them.
pub fn run(bench: &mut Bench) {
    let init = |device: &Device| Init::new(0, device);
    let shape = [1, 32, 48, 48, 48];
    layer(bench, "residual block 32→16 48³", shape, |device| {
        let block = ConvBlock::new(32, 16, true, &mut init(device));
        move |x| block.forward(x)
    });
    layer(bench, "transformer block 216×768", [1, 216, 768], |device| {
        let block = TransformerBlock::new(768, 3072, 12, &mut init(device));
        move |x| block.forward(x)
    });
    // The first level of SwinUNETR at 96³: 48 channels, shifted windows of 7.
    let shape = [1, 48, 48, 48, 48];
    layer(bench, "window attention 48×48³", shape, |device| {
        let config = SwinBlockConfig {
            channels: 48,
            heads: 3,
            grid: [48; 3],
            window: [7; 3],
            shifted: true,
            masked: true,
            index: RelativeIndex::Monai,
            mlp_ratio: 4,
            drop_path: 0.0,
        };
        let block = SwinBlock::new(&config, &mut init(device));
        move |x| block.forward(x)
    });
}
