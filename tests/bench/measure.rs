//! What is timed, and for how long.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

/// Minimum number of runs and minimum time of a measurement.
const LEAST_RUNS: usize = 3;
const LEAST_TIME: Duration = Duration::from_secs(2);

/// The measurements that were asked for.
pub struct Bench {
    names: Vec<String>,
}

impl Bench {
    /// Measures everything whose name starts with one of `names`; everything if there are none.
    pub fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    /// Whether something is to be measured: setting up is not free.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| name.starts_with(wanted))
    }

    /// Times a function after one run that is not counted.
    pub fn time(&self, name: &str, mut run: impl FnMut()) {
        if !self.wants(name) {
            return;
        }
        run();
        let begin = Instant::now();
        let mut seconds = Vec::new();
        while seconds.len() < LEAST_RUNS || begin.elapsed() < LEAST_TIME {
            let start = Instant::now();
            run();
            seconds.push(start.elapsed().as_secs_f64());
        }
        let line = json!({ "name": name, "seconds": seconds, "peak_gb": peak_gb() });
        println!("{line}");
    }

    /// Times a function of tensors on the CPU, alone and with the gradients of its result's sum with respect
    /// to all inputs.
    pub fn operation<const D: usize, const E: usize>(
        &self,
        name: &str,
        inputs: &[Tensor<D>],
        function: impl Fn(&[Tensor<D>]) -> Tensor<E>,
    ) {
        self.time(&format!("{name} forward"), || {
            function(inputs);
        });
        self.time(&format!("{name} both"), || {
            let tracked: Vec<Tensor<D>> = inputs
                .iter()
                .map(|input| Tensor::from_inner(input.clone()).require_grad())
                .collect();
            let gradients = function(&tracked).sum().backward();
            for input in &tracked {
                assert!(input.grad(&gradients).is_some(), "{name}: a gradient is missing");
            }
        });
    }
}

/// Uniform values of variance 1, close enough to normal.
pub fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let bound = 3f32.sqrt();
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| rng.random_range(-bound..bound))
        .collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Peak memory of this process so far, in GB (10⁹ bytes); `None` where the system does not tell.
fn peak_gb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0 / 1e9)
}
