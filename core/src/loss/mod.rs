//! Supervised losses, and the terms that they are part of.
//!
//! To add one: a file with its settings, which implement [`Loss`], and a variant of
//! [`SupervisedLoss`].

mod dice_ce;
mod multi_scale;
mod target;
mod terms;
#[cfg(test)]
mod toy;

use burn::tensor::Tensor;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

pub use dice_ce::DiceCe;
pub use multi_scale::MultiScaleLoss;
pub use target::Target;
pub use terms::Terms;
#[cfg(test)]
pub(crate) use toy::Toy;

/// What turns logits into probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// One class for each voxel.
    #[default]
    Softmax,
    /// Each class by itself: regions that overlap.
    Sigmoid,
}

/// What a loss says about itself, and computes.
pub trait Loss {
    /// What turns logits into the probabilities that it compares with the true classes.
    fn activation(&self) -> Activation;

    /// Loss `[1]` of `logits` `[batch, class, depth, height, width]`, averaged over the batch.
    fn forward(&self, logits: Tensor<5>, target: &Target) -> Tensor<1>;
}

/// The supervised loss of a run. In files it is the settings of one of the losses, with its name as
/// `kind`; Dice plus cross entropy is written without a name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    remote = "Self",
    tag = "kind",
    rename_all = "kebab-case",
    expecting = "there is no loss of this kind with these settings"
)]
pub enum SupervisedLoss {
    /// A loss of the simplest kind, by which tests see what another loss costs.
    #[cfg(test)]
    Toy(Toy),
    /// Dice plus cross entropy.
    #[serde(untagged)]
    DiceCe(DiceCe),
}

impl SupervisedLoss {
    /// nnU-Net's, with which nnFormer trains; see [`DiceCe::nnunet`].
    pub fn nnunet(batch: bool) -> Self {
        DiceCe::nnunet(batch).into()
    }

    /// Dice of overlapping regions; see [`DiceCe::regions`].
    pub fn regions() -> Self {
        DiceCe::regions().into()
    }

    fn chosen(&self) -> &dyn Loss {
        match self {
            #[cfg(test)]
            Self::Toy(loss) => loss,
            Self::DiceCe(loss) => loss,
        }
    }
}

impl Loss for SupervisedLoss {
    fn activation(&self) -> Activation {
        self.chosen().activation()
    }

    fn forward(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        self.chosen().forward(logits, target)
    }
}

impl Default for SupervisedLoss {
    fn default() -> Self {
        DiceCe::default().into()
    }
}

impl From<DiceCe> for SupervisedLoss {
    fn from(loss: DiceCe) -> Self {
        Self::DiceCe(loss)
    }
}

impl Serialize for SupervisedLoss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for SupervisedLoss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Without a name, errors are to be about the fields of the one loss that has none.
        let settings = Value::deserialize(deserializer)?;
        let loss = match settings.get("kind") {
            Some(_) => Self::deserialize(settings),
            None => DiceCe::deserialize(settings).map(Self::DiceCe),
        };
        loss.map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
