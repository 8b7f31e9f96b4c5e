//! Building blocks that backbones share.

mod attention;
mod conv;
mod init;
mod kernel;
mod norm;
mod residual;
mod up;

pub use attention::TransformerBlock;
pub(crate) use attention::linear;
pub use conv::Conv3d;
pub use init::Init;
pub use norm::{LEAKY_SLOPE, instance_norm, instance_norm_leaky_relu, layer_norm};
pub use residual::ConvBlock;
pub use up::UpProjection;
