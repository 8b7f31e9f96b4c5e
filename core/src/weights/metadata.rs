//! The metadata of a weights file.

use burn::tensor::Device;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::torch::is_torch;
use super::{Inference, WeightsError};
use crate::backbone::{Model, Network};
use crate::dataset::LabelSet;
use crate::pretrain::Method;
use crate::transform::{MirrorAxes, Preprocessing};

/// Key of the metadata in the safetensors header.
pub(super) const KEY: &str = "medcontext";

/// Everything needed to use the weights again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Version of the program that wrote the file.
    pub version: String,
    /// Architectural numbers.
    pub network: Network,
    /// Input channels.
    pub channels: usize,
    /// Patch `[depth, height, width]` in voxels that the network was built for.
    pub patch: [usize; 3],
    /// Preprocessing of the network's images. Its fields are flattened into the file's metadata, so that files from
    /// before there were spacings can be read.
    #[serde(flatten)]
    pub preprocessing: Preprocessing,
    /// Axes along which images may be mirrored in mirror TTA: those of training.
    #[serde(default, skip_serializing_if = "MirrorAxes::is_all")]
    pub mirror_axes: MirrorAxes,
    /// The labels, by output channel.
    pub labels: LabelSet,
    /// How cases are segmented unless told otherwise; `None` in files that do not say, for which it is
    /// [`Inference::default`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference: Option<Inference>,
    /// The network of the first stage of a cascade, whose tensors are in the file too: it finds the region in which
    /// this network segments. `None` for a single network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Box<Self>>,
    /// How the weights came to be.
    pub training: TrainingSummary,
}

/// A summary of the training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Steps done.
    pub iterations: usize,
    /// Whether MedContext was on.
    pub medcontext: bool,
    /// Seed of the run.
    pub seed: u64,
    /// Cases trained on.
    pub cases: usize,
    /// Names of all cases that the weights have seen: those of the run, and those of the weights that it started from.
    /// `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_names: Option<Vec<String>>,
    /// Mean Dice on the validation cases at that step, if it was measured.
    pub validation_dice: Option<f64>,
    /// The method of self-supervised pretraining, where the file holds a pretrained encoder alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<Method>,
}

impl TrainingSummary {
    /// Whether the weights have seen a case of this name in training; `None` if unknown.
    pub fn saw(&self, case: &str) -> Option<bool> {
        let names = self.case_names.as_ref()?;
        Some(names.iter().any(|name| name == case))
    }
}

impl Metadata {
    /// A model card in Markdown for a weights file: what it segments, what it was trained on, how good it was, and its
    /// limits. `sha256` is the file's, in hexadecimal.
    pub fn card(&self, sha256: &str) -> String {
        let Self {
            version,
            network,
            channels,
            patch,
            labels,
            training,
            ..
        } = self;
        let named = labels.ids().iter().zip(labels.names()).skip(1);
        let list: Vec<String> = named.map(|(id, name)| format!("- {id}: {name}")).collect();
        let medcontext = if training.medcontext { "with" } else { "without" };
        let dice = training.validation_dice.map_or_else(
            || "It was not measured on cases held out from training.".to_owned(),
            |dice| format!("Mean Dice on cases held out from training: {dice:.3}."),
        );
        let stages = match self.coarse {
            Some(_) => " A first stage, in the file too, finds the region that it looks at.",
            None => "",
        };
        format!(
            "# {title}\n\nSegments:\n\n{list}\n\n\
             Takes {channels}, in patches of {patch:?} voxels (depth, height, width).{stages}\n\n\
             Trained for {iterations} iterations {medcontext} MedContext on {cases}, seed {seed}. {dice}\n\n\
             Research only, not a medical device: expect it to fail on scanners, protocols and patients unlike \
             those it was trained on, and check every result.\n\n\
             SHA-256 {sha256}; written by MedContext {version}.\n",
            title = network.backbone().title(),
            list = list.join("\n"),
            iterations = training.iterations,
            channels = counted(*channels, "channel"),
            cases = counted(training.cases, "case"),
            seed = training.seed,
        )
    }

    /// One line about the weights: backbone, patch, labels, iterations and, where it was measured, Dice.
    pub fn summary(&self) -> String {
        let [depth, height, width] = self.patch;
        let names: Vec<&str> = self.labels.names().iter().skip(1).map(String::as_str).collect();
        let TrainingSummary {
            iterations,
            medcontext,
            validation_dice,
            ..
        } = &self.training;
        if let Some(method) = self.training.pretraining {
            return format!(
                "Encoder of {}, patch {depth} × {height} × {width}: {iterations} iterations of {}",
                self.network.backbone().title(),
                method.title()
            );
        }
        format!(
            "{}{}, patch {depth} × {height} × {width}, for {}: {iterations} iterations {} MedContext{}",
            self.network.backbone().title(),
            if self.coarse.is_some() { " in two stages" } else { "" },
            names.join(", "),
            if *medcontext { "with" } else { "without" },
            validation_dice.map_or(String::new(), |dice| format!(", Dice {dice:.3} on held-out cases")),
        )
    }

    /// The name that a file of these weights is offered under: backbone and iterations.
    pub fn file_name(&self) -> String {
        let (backbone, iterations) = (self.network.backbone(), self.training.iterations);
        format!("medcontext-{backbone}-{iterations}.safetensors")
    }

    /// Reads the metadata of a weights file, without its tensors.
    ///
    /// # Errors
    /// When the bytes are not safetensors or lack this program's metadata, as PyTorch checkpoints do.
    pub fn read(bytes: &[u8]) -> Result<Self, WeightsError> {
        if is_torch(bytes) {
            return Err(WeightsError::NoMetadata);
        }
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
        let text = header
            .metadata()
            .as_ref()
            .and_then(|map| map.get(KEY))
            .ok_or(WeightsError::NoMetadata)?;
        let metadata: Self =
            serde_json::from_str(text).map_err(|error| WeightsError::BadMetadata(error.to_string()))?;
        let stages = [Some(&metadata), metadata.coarse.as_deref()];
        for stage in stages.into_iter().flatten() {
            stage.network.check(stage.patch).map_err(WeightsError::BadMetadata)?;
        }
        Ok(metadata)
    }

    /// The network that it describes, with new parameters, on `device`.
    pub fn build(&self, device: &Device) -> Model {
        let (channels, outputs) = (self.channels, self.labels.outputs());
        self.network.build(channels, outputs, self.patch, 0, device)
    }

    /// Checks that the network takes as many channels as a case has.
    ///
    /// # Errors
    /// When it takes another number.
    pub fn check_channels(&self, case: usize) -> Result<(), WeightsError> {
        if self.channels == case {
            return Ok(());
        }
        Err(WeightsError::Channels {
            network: self.channels,
            case,
        })
    }

    /// The network in words, for messages: backbone, size, classes and patch.
    pub fn describe(&self) -> String {
        describe(&self.network, self.labels.classes(), self.patch)
    }
}

/// A network in words, for messages.
pub(crate) fn describe(network: &Network, classes: usize, patch: [usize; 3]) -> String {
    format!("{} with {classes} classes and patch {patch:?}", network.title())
}

/// A number of things in words: `1 case`, `2 cases`.
pub(crate) fn counted(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{Metadata, TrainingSummary};
    use crate::backbone::{Backbone, Network, Size};
    use crate::dataset::LabelSet;
    use crate::transform::{MirrorAxes, Preprocessing};
    use crate::weights::{Inference, PostProcessing};

    #[test]
    fn settings_of_inference_are_written_if_there_are_any() {
        let without = Metadata {
            version: "1".to_owned(),
            network: Network::new(Backbone::Unetr, Size::Tiny),
            channels: 1,
            patch: [16; 3],
            preprocessing: Preprocessing::default(),
            mirror_axes: MirrorAxes::ALL,
            labels: LabelSet::from_ids([1], &Default::default()).expect("a label"),
            inference: None,
            coarse: None,
            training: TrainingSummary::default(),
        };
        let post_processing = PostProcessing {
            largest_component: true,
            fill_holes: true,
            smallest_ml: 0.25,
        };
        let with = Metadata {
            inference: Some(Inference {
                mirror: true,
                post_processing,
                ..Inference::default()
            }),
            ..without.clone()
        };
        for metadata in [without, with] {
            let text = serde_json::to_string(&metadata).expect("written");
            assert_eq!(text.contains("inference"), metadata.inference.is_some(), "{text}");
            let again: Metadata = serde_json::from_str(&text).expect("read again");
            assert_eq!(again, metadata);
        }
    }
}
