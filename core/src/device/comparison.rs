//! What a network computes and learns on one device, for comparison with another.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use futures::executor::block_on;

use crate::backbone::{Backbone, Model, Network, Size};
use crate::loss::{DiceCe, Target};
use crate::medcontext::{Backward, joint_gradients};
use crate::train::{Optimizer, OptimizerKind};

const SIDE: usize = 16;
const VOXELS: usize = SIDE * SIDE * SIDE;

/// Results of one training step of a small UNETR, with the same parameters and patch on every device.
pub(super) struct Learned {
    pub logits: Vec<f32>,
    pub loss: Vec<f32>,
    pub gradients: Vec<f32>,
    /// The parameters' change in one step of plain gradient descent.
    pub change: Vec<f32>,
}

impl Learned {
    pub fn on(device: &Device) -> Self {
        let device = device.clone().autodiff();
        let patch = [SIDE; 3];
        let model = Network::new(Backbone::Unetr, Size::Tiny).build(1, 3, patch, 0, &device);
        let values: Vec<f32> = (0..VOXELS).map(|i| ((i * 7919) % 101) as f32 / 50.0 - 1.0).collect();
        let data = TensorData::new(values, [1, 1, SIDE, SIDE, SIDE]);
        let x = Tensor::<5>::from_data(data, &device);
        let labels = (0..VOXELS).map(|i| (i % 3) as u8).collect();
        let target = Target::new(labels, 1, 3, &device);
        let logits = read(model.valid().forward(x.clone().inner(), None));
        let loss = DiceCe::default().into();
        let (found, loss) = joint_gradients(&model, None, x, &target, &loss, Backward::default());
        let before = parameters(&model);
        let gradients = gradients(&model, &found);
        let descent = OptimizerKind::Sgd {
            momentum: 0.0,
            nesterov: false,
        };
        let model = Optimizer::new(descent, 0.0, None).step(1.0, model, found, 1);
        let after = parameters(&model);
        Self {
            logits,
            loss: read(loss.total),
            gradients,
            change: after.iter().zip(&before).map(|(a, b)| a - b).collect(),
        }
    }

    /// Fails unless the results match those of another device: logits and loss up to rounding, gradients and the step
    /// to 1 % in relative L2 norm, since rounding flips the signs of a few LeakyReLU inputs.
    pub fn assert_like(&self, other: &Self) {
        for (what, found, expected, allowed) in [
            ("logits", &self.logits, &other.logits, 1e-4),
            ("loss", &self.loss, &other.loss, 1e-5),
            ("gradients", &self.gradients, &other.gradients, 1e-2),
            ("the step", &self.change, &other.change, 1e-2),
        ] {
            let difference = relative_l2(found, expected);
            assert!(
                difference <= allowed,
                "{what}: relative L2 {difference:e}, allowed {allowed:e}"
            );
        }
    }
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = block_on(tensor.into_data_async()).expect("the device answers");
    data.convert::<f32>().try_into_vec().expect("f32")
}

fn parameters(model: &Model) -> Vec<f32> {
    struct Values(Vec<f32>);
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.extend(read(param.val()));
        }
    }
    let mut values = Values(Vec::new());
    model.valid().visit(&mut values);
    values.0
}

fn gradients(model: &Model, found: &GradientsParams) -> Vec<f32> {
    struct Values<'a>(&'a GradientsParams, Vec<f32>);
    impl ModuleVisitor for Values<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            // Without a mask, the mask token has no gradient.
            let none = || vec![0.0; param.shape().num_elements()];
            self.1.extend(self.0.get::<D>(param.id).map_or_else(none, read));
        }
    }
    let mut values = Values(found, Vec::new());
    model.visit(&mut values);
    values.1
}

/// ‖found − expected‖ / ‖expected‖; infinite where there is nothing to compare.
fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "sizes differ");
    let square = |v: f32| f64::from(v) * f64::from(v);
    let norm: f64 = expected.iter().map(|&v| square(v)).sum();
    let error: f64 = found.iter().zip(expected).map(|(a, b)| square(a - b)).sum();
    if norm > 0.0 {
        (error / norm).sqrt()
    } else {
        f64::INFINITY
    }
}

#[test]
fn numbers_of_a_step_are_compared_and_a_wrong_one_is_noticed() {
    let [here, again] = [(); 2].map(|()| Learned::on(&Device::flex()));
    here.assert_like(&again);
    // The step goes against the gradient.
    let down: Vec<f32> = here.gradients.iter().map(|gradient| -gradient).collect();
    let difference = relative_l2(&here.change, &down);
    assert!(difference < 1e-2, "{difference}");
    for wrong in [
        Learned {
            gradients: here.gradients.iter().map(|g| 0.98 * g).collect(),
            ..Learned::on(&Device::flex())
        },
        Learned {
            change: vec![0.0; here.change.len()],
            ..Learned::on(&Device::flex())
        },
    ] {
        let noticed = std::panic::catch_unwind(|| wrong.assert_like(&here));
        assert!(noticed.is_err());
    }
}
