//! Comparisons with a tolerance.

use std::collections::HashMap;

use burn::tensor::{Int, Tensor};
use futures::executor::block_on;

use crate::{Fixture, TestDevice};

/// All values of a tensor.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = block_on(tensor.into_data_async()).expect("the device answers");
    data.convert::<f32>().try_into_vec().expect("values are f32")
}

/// Largest absolute difference.
pub fn largest_difference(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "sizes differ");
    let pairs = found.iter().zip(expected);
    pairs
        .map(|(a, b)| f64::from((a - b).abs()))
        .fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst })
}

/// ‖found − expected‖ / ‖expected‖.
pub fn relative_l2(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "sizes differ");
    let square = |v: f32| f64::from(v) * f64::from(v);
    let error: f64 = found.iter().zip(expected).map(|(a, b)| square(a - b)).sum();
    let norm: f64 = expected.iter().map(|&v| square(v)).sum();
    (error / norm.max(1e-30)).sqrt()
}

/// Fails unless `found` is within `tolerance` of `expected` everywhere.
pub fn assert_within(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let difference = largest_difference(found, expected);
    assert!(
        difference <= tolerance,
        "{what}: differs by {difference:e}, allowed {tolerance:e}"
    );
}

/// Fails unless `found` is within `tolerance` of `expected` in relative L2 norm.
pub fn assert_gradient(what: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let difference = relative_l2(found, expected);
    assert!(
        difference <= tolerance,
        "{what}: relative L2 {difference:e}, allowed {tolerance:e}"
    );
}

/// Tolerance (relative L2) for the gradients of a network with millions of ReLUs, on any device: rounding flips the
/// signs of a few inputs, and each sign changes everything before it. In PyTorch's own f32, SwinUNETR's gradients
/// differ by 1.5 % between two machines. Networks without ReLU, and parts without, are held to 1e-4.
pub const SIGN_FLIPS: f64 = 3e-2;

/// Fails unless every gradient that the fixture holds as `PREFIX NAME` is among `found`, within
/// `tolerance` in relative L2 norm.
pub fn assert_gradients(fixture: &Fixture, prefix: &str, found: &HashMap<String, Vec<f32>>, tolerance: f64) {
    let expected = fixture.with_prefix(prefix);
    assert!(!expected.is_empty(), "the fixture holds gradients");
    for (name, expected) in expected {
        let what = format!("gradient of {name}");
        assert_gradient(&what, &found[&name], &expected, tolerance);
    }
}

/// Every `step`th value along each spatial axis, from the first.
pub fn strided(x: Tensor<5>, step: [usize; 3]) -> Vec<f32> {
    let [_, _, d, h, w] = x.dims();
    let device = x.device();
    let pick = |side: usize, step: usize| {
        let indices: Vec<i32> = (0..side as i32).step_by(step).collect();
        Tensor::<1, Int>::from_data(indices.as_slice(), &device)
    };
    values(
        x.select(2, pick(d, step[0]))
            .select(3, pick(h, step[1]))
            .select(4, pick(w, step[2])),
    )
}

/// Fails unless the sums over planes, `PREFIX.axis_sum_d` and so on, are right. They include the voxels between
/// strides; their tolerance grows with a plane's size.
pub fn assert_plane_sums(fixture: &Fixture, prefix: &str, logits: &Tensor<5>, on: &TestDevice) {
    let [b, c, d, h, w] = logits.dims();
    let all = values(logits.clone());
    for (axis, name) in ["axis_sum_d", "axis_sum_h", "axis_sum_w"].into_iter().enumerate() {
        let side = [d, h, w][axis];
        let mut found = vec![0.0f64; b * c * side];
        for (index, &value) in all.iter().enumerate() {
            let place = [index / (h * w) % d, index / w % h, index % w][axis];
            found[index / (d * h * w) * side + place] += f64::from(value);
        }
        let expected = fixture.doubles(&format!("{prefix}.{name}"));
        let allowed = on.logits * (d * h * w / side) as f64;
        for (a, e) in found.iter().zip(&expected) {
            let on = &on.name;
            assert!((a - e).abs() < allowed, "{prefix}.{name} on {on}: {a} and {e}");
        }
    }
}
