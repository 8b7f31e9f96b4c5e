//! Building blocks that backbones share.

mod attention;
mod conv;
mod decoder;
mod drop_path;
mod init;
pub(crate) mod kernel;
mod mlp;
mod norm;
mod patch;
mod patch_merging;
mod pool;
mod residual;
mod sum;
mod swin_block;
mod token_mask;
mod transposed_conv;
mod upsample;
mod window;
mod window_attention;

pub use attention::TransformerBlock;
pub use conv::{Conv3d, ConvGeometry, StridedConv3d};
pub use decoder::DecoderUp;
pub use drop_path::DropPath;
pub(crate) use drop_path::drop_rates;
pub use init::Init;
pub(crate) use kernel::{add_bias, is_cpu};
pub use kernel::{add_leaky_relu, attention, concat_channels, gelu};
pub use mlp::{Mlp, linear, project};
pub(crate) use norm::in_f32;
pub use norm::{
    LEAKY_SLOPE, group_norm_relu, instance_norm, instance_norm_leaky_relu, layer_norm, normalized, plain_layer_norm,
};
pub use patch::PatchConv;
pub(crate) use patch::{cut, join};
pub use patch_merging::{Merging, PatchMerging};
pub use pool::max_pool2;
pub use residual::ConvBlock;
pub use sum::{mean, sum};
pub use swin_block::{CrossSwinBlock, RelativeIndex, SwinBlock, SwinBlockConfig};
pub use token_mask::TokenMask;
pub use transposed_conv::TransposedConv3d;
pub use upsample::trilinear;
pub use window::WindowGrid;
pub(crate) use window_attention::relative_rows;
pub use window_attention::{CrossWindowAttention, RelativeBias, WindowAttention};
