//! Which network a set of tensors belongs to, from names and shapes.

use super::{ImportOptions, WeightsError, part};
use crate::backbone::{
    Backbone, IndexLaw, Network, NnformerConfig, NnformerForm, NormKind, PatchProjection,
    Pcrlv2Config, Size, SwinUnetrConfig, UnetrConfig,
};
use crate::volume::AxisOrder;

/// A network as its tensors show it.
#[derive(Debug)]
pub(super) struct Recognised {
    pub network: Network,
    pub channels: usize,
    pub classes: usize,
    pub patch: [usize; 3],
    /// The order in which the reference implementation holds a volume's axes.
    pub axes: AxisOrder,
    /// What the tensors do not tell, one sentence each.
    pub assumed: Vec<String>,
}

/// Finds the network.
///
/// # Errors
/// When the names are those of no network here, or its sizes cannot be told from the shapes.
pub(super) fn recognise(
    shapes: &part::Shapes,
    options: &ImportOptions,
) -> Result<Recognised, WeightsError> {
    let has = |name: &str| shapes.contains_key(name);
    let first = shapes.keys().next().cloned();
    let shapes = Shapes(shapes);
    let mut found = if has("swinViT.patch_embed.proj.weight") {
        swin_unetr(&shapes, options)?
    } else if has("vit.patch_embedding.position_embeddings") {
        unetr(&shapes, options)?
    } else if has("model_down.patch_embed.proj1.conv1.weight") {
        nnformer(&shapes)?
    } else if has("down_tr64.ops.0.conv1.weight") {
        pcrlv2(&shapes)?
    } else {
        let backbones = Backbone::ALL.map(Backbone::name).join(", ");
        let example = first.map_or(String::new(), |name| {
            format!(", but tensors such as {name}")
        });
        return Err(WeightsError::Unrecognised(format!(
            "hold none of the networks known here ({backbones}) as a whole{example}; choose a checkpoint of one of them"
        )));
    };
    if let Some(patch) = options.patch {
        found.patch = patch;
    }
    let checked = found.network.check(found.patch);
    checked.map_err(|problem| WeightsError::Unrecognised(format!("hold {problem}")))?;
    Ok(found)
}

/// Sides of tensors by name.
struct Shapes<'a>(&'a part::Shapes);

impl Shapes<'_> {
    fn shape(&self, name: &str) -> Result<&[usize], WeightsError> {
        let shape = self.0.get(name);
        let shape = shape.ok_or_else(|| WeightsError::Missing(name.to_owned()))?;
        Ok(shape)
    }

    fn side(&self, name: &str, axis: usize) -> Result<usize, WeightsError> {
        let side = self.shape(name)?.get(axis).copied();
        side.ok_or_else(|| WeightsError::Missing(format!("{name} with {} sides", axis + 1)))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// How many of `name(0)`, `name(1)`, … there are.
    fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..).take_while(|&i| self.has(&name(i))).count()
    }
}

fn unetr(shapes: &Shapes<'_>, options: &ImportOptions) -> Result<Recognised, WeightsError> {
    let hidden = shapes.side("vit.patch_embedding.position_embeddings", 2)?;
    let tokens = shapes.side("vit.patch_embedding.position_embeddings", 1)?;
    let mut assumed = Vec::new();
    let heads = options.heads.unwrap_or_else(|| {
        // A head of 64 channels, as in ViT and in the paper.
        let heads = (hidden / 64).max(1);
        assumed.push(format!("{heads} attention heads"));
        heads
    });
    let side = (1..=64usize).find(|side| side.pow(3) == tokens);
    let patch = options.patch.or(side.map(|side| [16 * side; 3]));
    let patch = patch.ok_or_else(|| {
        WeightsError::Unrecognised(format!(
            "are for {tokens} tokens, which make no cube; say for which patch: `core convert --patch D,H,W`"
        ))
    })?;
    let needed: usize = patch.map(|side| side / 16).iter().product();
    if needed != tokens {
        return Err(WeightsError::Unrecognised(format!(
            "are for {tokens} tokens, and a patch of {patch:?} has {needed}; choose the patch that they are for"
        )));
    }
    let perceptron = shapes.has("vit.patch_embedding.patch_embeddings.1.weight");
    let config = UnetrConfig {
        hidden,
        mlp: shapes.side("vit.blocks.0.mlp.linear1.weight", 0)?,
        heads,
        layers: shapes.count(|i| format!("vit.blocks.{i}.norm1.weight")),
        feature: shapes.side("encoder1.layer.conv1.conv.weight", 0)?,
        projection: if perceptron {
            PatchProjection::Perceptron
        } else {
            PatchProjection::Conv
        },
        conv_block: shapes.has("encoder2.blocks.0.1.conv1.conv.weight"),
        res_block: shapes.has("decoder5.conv_block.conv3.conv.weight"),
    };
    Ok(Recognised {
        network: Network::Unetr(config),
        channels: shapes.side("encoder1.layer.conv1.conv.weight", 1)?,
        classes: shapes.side("out.conv.conv.weight", 0)?,
        patch,
        axes: AxisOrder::Xyz,
        assumed,
    })
}

fn swin_unetr(shapes: &Shapes<'_>, options: &ImportOptions) -> Result<Recognised, WeightsError> {
    let feature = shapes.side("swinViT.patch_embed.proj.weight", 0)?;
    let block = |stage: usize, block: usize| format!("swinViT.layers{stage}.0.blocks.{block}");
    let table = |stage| format!("{}.attn.relative_position_bias_table", block(stage, 0));
    let rows = shapes.side(&table(1), 0)?;
    let mut heads = [0; 4];
    let mut depths = [0; 4];
    for stage in 1..=4 {
        heads[stage - 1] = shapes.side(&table(stage), 1)?;
        depths[stage - 1] = shapes.count(|i| format!("{}.norm1.weight", block(stage, i)));
    }
    let mlp = shapes.side(&format!("{}.mlp.linear1.weight", block(1, 0)), 0)?;
    let config = SwinUnetrConfig {
        feature,
        depths,
        heads,
        window: (1..=32)
            .find(|w| (2 * w - 1usize).pow(3) == rows)
            .unwrap_or(7),
        mlp_ratio: mlp / feature.max(1),
        merging: options.merging,
        stage_convolutions: shapes.has("swinViT.layers1c.0.layer.conv1.conv.weight"),
    };
    Ok(Recognised {
        network: Network::SwinUnetr(config),
        channels: shapes.side("swinViT.patch_embed.proj.weight", 1)?,
        classes: shapes.side("out.conv.conv.weight", 0)?,
        patch: [96; 3],
        axes: AxisOrder::Xyz,
        assumed: vec![format!("patch merging {:?}", options.merging)],
    })
}

fn nnformer(shapes: &Shapes<'_>) -> Result<Recognised, WeightsError> {
    let head = shapes.shape("final.0.up.weight")?;
    let (form, patch) = match head {
        [_, _, 2, 4, 4] => (NnformerForm::Synapse, [64, 128, 128]),
        [_, _, 1, 4, 4] => (NnformerForm::Acdc, [14, 160, 160]),
        [_, _, 4, 4, 4] => (NnformerForm::Tumor, [128; 3]),
        _ => {
            return Err(WeightsError::Unrecognised(format!(
                "hold an nnFormer with tokens of {:?} voxels, which is none of the released ones",
                head.get(2..).unwrap_or_default()
            )));
        }
    };
    let embedding = shapes.side("model_down.patch_embed.proj2.conv2.weight", 0)?;
    let table = |part: &str, level: usize| {
        format!("{part}.layers.{level}.blocks.0.attn.relative_position_bias_table")
    };
    let mut config = NnformerConfig::new(form, Size::Paper);
    for level in 0..4 {
        config.heads[level] = shapes.side(&table("model_down", level), 1)?;
    }
    for level in 0..3 {
        config.decoder_heads[level] = shapes.side(&table("decoder", level), 1)?;
    }
    let mlp = shapes.side("model_down.layers.0.blocks.0.mlp.fc1.weight", 0)?;
    config.embedding = embedding;
    config.mlp_ratio = mlp / embedding.max(1);
    config.index = IndexLaw::Released;
    Ok(Recognised {
        network: Network::Nnformer(config),
        channels: shapes.side("model_down.patch_embed.proj1.conv1.weight", 1)?,
        classes: shapes.side("final.0.up.weight", 1)?,
        patch,
        axes: AxisOrder::Zyx,
        assumed: Vec::new(),
    })
}

fn pcrlv2(shapes: &Shapes<'_>) -> Result<Recognised, WeightsError> {
    let width = shapes.side("down_tr64.ops.0.conv1.weight", 0)?;
    let joined = shapes.side("up_tr256.ops.0.conv1.weight", 1)?;
    let config = Pcrlv2Config {
        width,
        norm: if shapes.has("down_tr64.ops.0.bn1.running_mean") {
            NormKind::Batch
        } else {
            NormKind::Group
        },
        skip: joined > 16 * width,
    };
    Ok(Recognised {
        network: Network::Pcrlv2(config),
        channels: shapes.side("down_tr64.ops.0.conv1.weight", 1)?,
        classes: shapes.side("out_tr.final_conv.weight", 0)?,
        patch: [96; 3],
        axes: AxisOrder::Xyz,
        assumed: Vec::new(),
    })
}
