//! Properties of every backbone: sizes, and what a mask hides.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Distribution, Tensor};
use medcontext_core::backbone::{Backbone, Model, Network, NormKind, Pcrlv2Config, Size, SwinUnetrConfig, UnetrConfig};
use medcontext_core::loss::{DiceCe, MultiScaleLoss, Target};
use medcontext_core::medcontext::{ConsistencyTarget, Masked, MedContext, TubeMask, joint_loss};
use medcontext_core::nn::TokenMask;
use medcontext_tests::{gradients, largest_difference, values};
use serde_json::Value;

/// The side of a patch of most references.
const CUBE: [usize; 3] = [96; 3];

/// A network has as many parameters as were counted in PyTorch, without those that no forward pass uses; the
/// reference counts its mask token of `token` values where it has one.
fn assert_parameters(name: &str, network: Network, [channels, classes]: [usize; 2], patch: [usize; 3], token: usize) {
    let text = include_str!("../fixtures/param_counts.json");
    let counts: Value = serde_json::from_str(text).expect("counts");
    let expected = counts[name].as_u64().expect(name) as usize;
    let found = network.build(channels, classes, patch, 0, &Device::flex()).parameters();
    assert_eq!(found, expected + token, "{name}");
}

#[test]
fn unetrs_of_paper_size_have_as_many_parameters_as_the_references() {
    let unetr = |feature: usize| {
        Network::Unetr(UnetrConfig {
            feature,
            ..UnetrConfig::new(Size::Paper)
        })
    };
    assert_parameters(
        "UNETR 96^3 feature 16 hidden 768 in 1 out 14 (perceptron, conv_block, res_block) WITHOUT MONAI-1.5 unused \
         cross_attn",
        unetr(16),
        [1, 14],
        CUBE,
        768,
    );
    assert_parameters(
        "UNETR 96^3 feature 32 hidden 768 in 1 out 14 (perceptron, conv_block, res_block) WITHOUT MONAI-1.5 unused \
         cross_attn",
        unetr(32),
        [1, 14],
        CUBE,
        768,
    );
    assert_parameters(
        "UNETR 96^3 feature 16 hidden 768 in 4 out 3 (perceptron, conv_block, res_block) WITHOUT MONAI-1.5 unused \
         cross_attn",
        unetr(16),
        [4, 3],
        CUBE,
        768,
    );
}

#[test]
fn swin_unetrs_of_paper_size_have_as_many_parameters_as_the_references() {
    let swin = |stage_convolutions: bool| {
        Network::SwinUnetr(SwinUnetrConfig {
            stage_convolutions,
            ..SwinUnetrConfig::new(Size::Paper)
        })
    };
    assert_parameters(
        "SwinUNETR feature 48 in 1 out 14 v2=False",
        swin(false),
        [1, 14],
        CUBE,
        48,
    );
    assert_parameters(
        "SwinUNETR feature 48 in 4 out 3 v2=False",
        swin(false),
        [4, 3],
        CUBE,
        48,
    );
    assert_parameters(
        "SwinUNETR feature 48 in 1 out 14 v2=True",
        swin(true),
        [1, 14],
        CUBE,
        48,
    );
}

#[test]
fn nnformers_of_paper_size_have_as_many_parameters_as_the_references() {
    let named = |backbone| Network::new(backbone, Size::Paper);
    assert_parameters(
        "nnFormer synapse_2 {'crop_size': [64, 128, 128], 'embedding_dim': 192, 'input_channels': 1, 'num_classes': \
         14, 'num_heads': [6, 12, 24, 48], 'patch_size': [2, 4, 4], 'window_size': [4, 4, 8, 4]}",
        named(Backbone::Nnformer),
        [1, 14],
        [64, 128, 128],
        0,
    );
    assert_parameters(
        "nnFormer acdc_2 {'crop_size': [14, 160, 160], 'embedding_dim': 96, 'input_channels': 1, 'num_classes': 4, \
         'num_heads': [3, 6, 12, 24], 'patch_size': [1, 4, 4], 'window_size': [[3, 5, 5], [3, 5, 5], [7, 10, 10], [3, \
         5, 5]], 'down_stride': [[1, 4, 4], [1, 8, 8], [2, 16, 16], [4, 32, 32]]}",
        named(Backbone::NnformerAcdc),
        [1, 4],
        [14, 160, 160],
        0,
    );
    assert_parameters(
        "nnFormer tumor_2 {'crop_size': [128, 128, 128], 'embedding_dim': 96, 'input_channels': 4, 'num_classes': 4, \
         'num_heads': [3, 6, 12, 24], 'patch_size': [4, 4, 4], 'window_size': [4, 4, 8, 4]}",
        named(Backbone::NnformerTumor),
        [4, 4],
        [128; 3],
        0,
    );
}

#[test]
fn pcrlv2s_of_paper_size_have_as_many_parameters_as_the_references() {
    let pcrl = |norm: NormKind| {
        Network::Pcrlv2(Pcrlv2Config {
            norm,
            ..Pcrlv2Config::new(Size::Paper)
        })
    };
    assert_parameters(
        "PCRLv2 SegmentationModel {'in_channels': 4, 'n_class': 3, 'norm': 'gn'} used in segmentation",
        pcrl(NormKind::Group),
        [4, 3],
        CUBE,
        4,
    );
    assert_parameters(
        "PCRLv2 SegmentationModel {'in_channels': 1, 'n_class': 14, 'norm': 'bn'} used in segmentation",
        pcrl(NormKind::Batch),
        [1, 14],
        CUBE,
        1,
    );
}

/// Half of PyTorch 2.6's flop count for MONAI 1.5.
#[test]
fn multiplications_are_counted_as_in_pytorch() {
    let swin12 = Network::SwinUnetr(SwinUnetrConfig {
        feature: 12,
        ..SwinUnetrConfig::new(Size::Small)
    });
    for (network, classes, patch, expected) in [
        (
            Network::new(Backbone::Unetr, Size::Paper),
            14,
            [96; 3],
            231_117_815_808u64,
        ),
        (
            Network::new(Backbone::Unetr, Size::Small),
            3,
            [32, 48, 32],
            3_008_962_560,
        ),
        (
            Network::new(Backbone::SwinUnetr, Size::Paper),
            14,
            [96; 3],
            318_524_732_736,
        ),
        (swin12, 3, [64; 3], 7_004_367_888),
    ] {
        let found = network.multiply_adds(1, classes, patch);
        let share = found as f64 / expected as f64;
        let backbone = network.backbone();
        assert!((share - 1.0).abs() < 0.01, "{backbone}: {found}, PyTorch {expected}");
    }
}

#[test]
fn tiny_sizes_stay_under_three_million_parameters() {
    for backbone in Backbone::ALL {
        let network = Network::new(backbone, Size::Tiny);
        let patch = network.patch_rule().nearest([96; 3]);
        let count = network.build(1, 3, patch, 0, &Device::flex()).parameters();
        assert!(count < 3_000_000, "{backbone}: {count}");
    }
}

#[test]
fn what_the_page_says_of_a_networks_size_is_true() {
    for backbone in Backbone::ALL {
        for size in [Size::Tiny, Size::Small] {
            let network = Network::new(backbone, size);
            let patch = network.patch_rule().nearest([48; 3]);
            let model = network.build(1, 3, patch, 0, &Device::flex());
            let (found, said) = (model.parameters(), backbone.parameters(size));
            let share = found as f64 / said as f64;
            assert!((share - 1.0).abs() < 0.05, "{backbone} {size}: {found}, not {said}");
        }
    }
}

#[test]
fn the_peers_size_has_the_peers_parameters() {
    let network = Network::new(Backbone::Unetr, Size::Small);
    let model = network.build(1, 3, [32, 48, 32], 0, &Device::flex());
    assert_eq!(model.parameters(), 8_942_067);
}

/// Disables the path from the raw voxels to the decoder.
struct Silence(Vec<String>);

impl ModuleMapper for Silence {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.0.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.0.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.0.iter().any(|name| name == "encoder1") {
            param.map(|value| value.zeros_like())
        } else {
            param
        }
    }
}

fn tiny(backbone: Backbone, device: &Device) -> (Network, [usize; 3], Model) {
    let network = Network::new(backbone, Size::Tiny);
    let patch = network.patch_rule().nearest([32; 3]);
    assert_eq!(network.check(patch), Ok(()));
    let model = network.build(1, 3, patch, 1, device);
    (network, patch, model)
}

fn noise([d, h, w]: [usize; 3], device: &Device) -> Tensor<5> {
    Tensor::random([1, 1, d, h, w], Distribution::Normal(0.0, 1.0), device)
}

#[test]
fn nothing_but_the_first_skip_bypasses_a_full_mask() {
    let device = Device::flex();
    for backbone in Backbone::ALL {
        let (network, patch, model) = tiny(backbone, &device);
        let tokens = vec![true; network.token_grid(patch).iter().product()];
        let mask = TubeMask { tokens }.on(&device);
        let (first, second) = (noise(patch, &device), noise(patch, &device));
        let differ = |model: &Model, mask| {
            let [a, b] = [&first, &second].map(|x| values(model.forward(x.clone(), mask)));
            largest_difference(&a, &b)
        };
        assert!(differ(&model, None) > 1e-3, "{backbone} sees its input");
        let raw_skip = matches!(backbone, Backbone::Unetr | Backbone::SwinUnetr);
        let open = differ(&model, Some(&mask));
        assert_eq!(open > 1e-4, raw_skip, "{backbone}: masked views differ by {open}");
        let model = model.map(&mut Silence(Vec::new()));
        assert!(differ(&model, Some(&mask)) < 1e-6, "{backbone}: the mask leaks");
    }
}

#[test]
fn the_mask_token_learns_from_the_masked_view_only() {
    let device = Device::flex().autodiff();
    for backbone in Backbone::ALL {
        let (network, patch, model) = tiny(backbone, &device);
        let teacher = model.valid();
        let grid = network.token_grid(patch);
        let tokens = (0..grid.iter().product()).map(|i| i % 2 == 0).collect();
        let mask = TubeMask { tokens }.on(&device);
        let labels = (0..patch.iter().product()).map(|i: usize| (i % 3) as u8);
        let target = Target::new(labels.collect(), 1, 3, &device);
        let loss = MultiScaleLoss::new(DiceCe::default(), network.scale_weights());
        let token = |masked: Option<&TokenMask>| {
            let x = noise(patch, &device);
            let settings = MedContext::paper();
            let masked = masked.map(|mask| Masked {
                mask,
                target: ConsistencyTarget::Teacher(&teacher),
                settings: &settings,
            });
            let loss = joint_loss(&model, masked, x, &target, &loss);
            let found = gradients(&model, &loss.total.backward());
            let token = found.into_iter().find(|(name, _)| name.ends_with("mask_token"));
            let (_, token) = token.expect("every network has a mask token");
            token.iter().fold(0.0f32, |most, g| most.max(g.abs()))
        };
        assert_eq!(token(None), 0.0, "{backbone}: clean view");
        let masked = token(Some(&mask));
        assert!(masked > 0.0, "{backbone}: masked view");
    }
}
