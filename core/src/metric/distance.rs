//! Exact Euclidean distance transform.

use ndarray::{Array3, ArrayView3, Axis};

/// Squared distance from every voxel to the nearest `true` voxel, with voxels of `spacing` along the
/// array's axes; infinite when there is none. Exact (Felzenszwalb and Huttenlocher, Theory of
/// Computing 8, 2012): one pass per axis, linear in the number of voxels.
pub fn squared_distance(sites: ArrayView3<'_, bool>, spacing: [f64; 3]) -> Array3<f64> {
    let mut distance = sites.map(|&site| if site { 0.0 } else { f64::INFINITY });
    for (axis, step) in spacing.into_iter().enumerate() {
        let mut envelope = Envelope::default();
        let mut line = Vec::with_capacity(sites.len_of(Axis(axis)));
        for mut lane in distance.lanes_mut(Axis(axis)) {
            line.clear();
            line.extend(lane.iter().copied());
            envelope.build(&line, step);
            envelope.sample(step, lane.iter_mut());
        }
    }
    distance
}

/// Lower envelope of the parabolas (x - p)² + f(p) over one line of voxels.
#[derive(Default)]
struct Envelope {
    /// Position and height of each parabola on the envelope, from left to right.
    parabolas: Vec<(f64, f64)>,
    /// Where each one enters the envelope; the first at minus infinity.
    starts: Vec<f64>,
}

impl Envelope {
    fn build(&mut self, heights: &[f64], step: f64) {
        self.parabolas.clear();
        self.starts.clear();
        for (index, &height) in heights.iter().enumerate() {
            if height.is_infinite() {
                continue;
            }
            let position = index as f64 * step;
            let mut start = f64::NEG_INFINITY;
            while let (Some(&(p, f)), Some(&last_start)) = (self.parabolas.last(), self.starts.last()) {
                // Intersection of the new parabola with the last one.
                start = ((height + position * position) - (f + p * p)) / (2.0 * (position - p));
                if start > last_start {
                    break;
                }
                // The last one is nowhere on the envelope.
                self.parabolas.pop();
                self.starts.pop();
                start = f64::NEG_INFINITY;
            }
            self.parabolas.push((position, height));
            self.starts.push(start);
        }
    }

    /// Writes the envelope's height at every voxel; without parabolas the line stays infinite.
    fn sample<'a>(&self, step: f64, line: impl Iterator<Item = &'a mut f64>) {
        let mut current = 0;
        for (index, value) in line.enumerate() {
            let x = index as f64 * step;
            while self.starts.get(current + 1).is_some_and(|&start| start < x) {
                current += 1;
            }
            if let Some((position, height)) = self.parabolas.get(current) {
                *value = (x - position).powi(2) + height;
            }
        }
    }
}
