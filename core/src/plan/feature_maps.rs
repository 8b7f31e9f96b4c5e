//! How many values a network's feature maps hold, by which nnU-Net estimates its memory.

use super::Topology;

/// Features of the first stage; each stage has twice those of the one before, up to a largest number.
const FIRST_FEATURES: usize = 32;

/// Residual blocks of each stage; the last number goes on.
const BLOCKS: [usize; 4] = [1, 3, 4, 6];

/// Convolutions of a stage of the plain encoder, and of its decoder's.
const CONVOLUTIONS: usize = 2;

/// Which encoder a U-Net has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoder {
    /// Two convolutions a stage (`PlainConvUNet`).
    Plain,
    /// A stem, then residual blocks (`ResidualEncoderUNet`).
    Residual,
}

/// Sizes of a U-Net's feature maps.
///
/// Source: nnU-Net 2.8.1, as described by Isensee et al. 2021 (Nature Methods 18) and 2024 (MICCAI; residual
/// encoders) and measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureMaps {
    /// Which encoder.
    pub encoder: Encoder,
    /// Features of each stage.
    pub features: Vec<usize>,
    /// Of each stage, convolutions of a plain encoder, blocks of a residual one.
    pub blocks: Vec<usize>,
    /// Of each stage of the decoder, its convolutions after the transposed one.
    pub decoder_convolutions: Vec<usize>,
}

impl FeatureMaps {
    /// Those of nnU-Net's networks with so many stages: 32 features in the first, at most 320 in 3D and 512 in 2D.
    pub fn planned(encoder: Encoder, stages: usize, axes: usize) -> Self {
        let most = if axes == 2 { 512 } else { 320 };
        let doubled = std::iter::successors(Some(FIRST_FEATURES), |features| Some((2 * features).min(most)));
        let last = BLOCKS[BLOCKS.len() - 1];
        let (blocks, convolutions) = match encoder {
            Encoder::Plain => (vec![CONVOLUTIONS; stages], CONVOLUTIONS),
            Encoder::Residual => {
                let blocks = BLOCKS.into_iter().chain(std::iter::repeat(last));
                (blocks.take(stages).collect(), 1)
            }
        };
        Self {
            encoder,
            features: doubled.take(stages).collect(),
            blocks,
            decoder_convolutions: vec![convolutions; stages.saturating_sub(1)],
        }
    }

    /// Number of values of all feature maps in one forward pass of one patch, with so many classes and one head, at
    /// full resolution.
    pub fn values<const AXES: usize>(&self, topology: &Topology<AXES>, classes: usize) -> f64 {
        let mut size = topology.patch;
        let mut total = 0.0;
        for (stage, (&features, stride)) in self.features.iter().zip(&topology.strides).enumerate() {
            for axis in 0..AXES {
                size[axis] /= stride[axis];
            }
            let voxels: f64 = size.iter().map(|&side| side as f64).product();
            let decoder = self
                .decoder_convolutions
                .get(stage)
                .map_or(0, |convolutions| convolutions + 1);
            let heads = if stage == 0 { classes } else { 0 };
            let maps = self.encoder_maps(stage, stride) + decoder;
            total += voxels * (features * maps + heads) as f64;
        }
        total
    }

    /// Number of maps of all features that a stage of the encoder makes.
    fn encoder_maps(&self, stage: usize, stride: &[usize]) -> usize {
        let blocks = self.blocks.get(stage).copied().unwrap_or_default();
        match self.encoder {
            Encoder::Plain => blocks,
            Encoder::Residual => {
                let stem = usize::from(stage == 0);
                let strided = stride.iter().any(|&stride| stride != 1);
                let widened = stage > 0 && self.features.get(stage - 1) != self.features.get(stage);
                stem + 2 * blocks + usize::from(strided || widened)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_those_of_the_reference() {
        let values = |encoder, patch: [usize; 3], classes| {
            let topology = Topology::of([1.0; 3], patch.map(|side| side as f64));
            assert_eq!(topology.patch, patch);
            FeatureMaps::planned(encoder, topology.stages(), 3).values(&topology, classes)
        };
        assert_eq!(values(Encoder::Plain, [128; 3], 2), 450_699_264.0);
        assert_eq!(values(Encoder::Plain, [128; 3], 25), 498_933_760.0);
        assert_eq!(values(Encoder::Plain, [112, 112, 128], 118), 530_912_256.0);
        assert_eq!(values(Encoder::Plain, [40, 56, 40], 3), 19_174_400.0);
        assert_eq!(values(Encoder::Residual, [128; 3], 3), 557_420_544.0);
        assert_eq!(values(Encoder::Residual, [256; 3], 2), 4_443_181_056.0);
    }

    #[test]
    fn flat_estimates_are_those_of_the_reference() {
        let topology = Topology::of([1.0; 2], [512.0; 2]);
        let maps = FeatureMaps::planned(Encoder::Plain, topology.stages(), 2);
        assert_eq!(maps.features, [32, 64, 128, 256, 512, 512, 512, 512]);
        assert_eq!(maps.values(&topology, 2), 82_624_512.0);
    }
}
