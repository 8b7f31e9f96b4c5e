//! Operations on any supervised loss.

use burn::tensor::Tensor;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::dice_ce::DiceCe;
use super::function::{Activation, Loss};
use super::target::Target;
use super::{SupervisedLoss, Unnamed};

impl SupervisedLoss {
    /// nnU-Net's, with which nnFormer trains; see [`DiceCe::nnunet`].
    pub fn nnunet(batch: bool) -> Self {
        DiceCe::nnunet(batch).into()
    }

    /// Dice of overlapping regions; see [`DiceCe::regions`].
    pub fn regions() -> Self {
        DiceCe::regions().into()
    }
}

impl Loss for SupervisedLoss {
    fn activation(&self) -> Activation {
        self.chosen().activation()
    }

    fn pools_batch(&self) -> bool {
        self.chosen().pools_batch()
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

impl Serialize for SupervisedLoss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for SupervisedLoss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Without a name, errors should refer to the fields of the untagged loss.
        let settings = Value::deserialize(deserializer)?;
        let loss = match settings.get("kind") {
            Some(_) => Self::deserialize(settings),
            None => Unnamed::deserialize(settings).map(Self::from),
        };
        loss.map_err(D::Error::custom)
    }
}
