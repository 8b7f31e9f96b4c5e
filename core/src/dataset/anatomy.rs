//! The anatomy of phantoms: which tissue is where.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Attenuation of a tissue in HU.
const AIR: f64 = -1000.0;
const FAT: f64 = -95.0;
const MUSCLE: f64 = 50.0;
const BONE: f64 = 380.0;
/// Height of a vertebra or rib and the gap to the next, in mm.
const BONE_PERIOD: f64 = 36.0;

/// One ellipsoid. An infinite radius makes it a tube.
struct Part {
    center: [f64; 3],
    radii: [f64; 3],
    hu: f64,
    label: u8,
}

impl Part {
    /// 0 in the center, 1 on the surface.
    fn depth(&self, point: [f64; 3]) -> f64 {
        (0..3)
            .map(|axis| {
                let scaled = (point[axis] - self.center[axis]) / self.radii[axis];
                scaled * scaled
            })
            .sum()
    }
}

/// One person's trunk. Coordinates are mm from its middle, towards right, front and top.
pub(super) struct Anatomy {
    skin: Part,
    muscle: Part,
    /// Painted in this order: later parts overlap earlier ones.
    organs: Vec<Part>,
    /// Displacement in mm, so that no organ is a plain ellipsoid.
    warp: [SmoothField; 3],
    /// Slow drift of the intensities, in HU.
    bias: SmoothField,
}

impl Anatomy {
    /// A random trunk: size, place, shape and intensity of everything vary.
    pub(super) fn random(rng: &mut ChaCha8Rng) -> Anatomy {
        let girth = rng.random_range(0.92..1.06);
        let trunk = |wide: f64, deep: f64, hu| Part {
            center: [0.0; 3],
            radii: [wide * girth, deep * girth, f64::INFINITY],
            hu,
            label: 0,
        };
        let mut organ = |center: [f64; 3], radii: [f64; 3], hu: f64, label| Part {
            center: center.map(|value| value * girth + rng.random_range(-6.0..6.0)),
            radii: radii.map(|value| value * girth * rng.random_range(0.9..1.1)),
            hu: hu + rng.random_range(-8.0..8.0),
            label,
        };
        const TUBE: f64 = f64::INFINITY;
        let organs = vec![
            organ([0.0, -58.0, 0.0], [21.0, 19.0, TUBE], BONE, 0),     // spine
            organ([-8.0, -28.0, 0.0], [12.0, 12.0, TUBE], 190.0, 0),   // aorta
            organ([-84.0, -22.0, 38.0], [28.0, 36.0, 42.0], 118.0, 0), // spleen
            organ([-48.0, 36.0, 24.0], [40.0, 28.0, 34.0], 25.0, 0),   // stomach
            organ([58.0, 4.0, 26.0], [60.0, 64.0, 68.0], 112.0, 1),    // liver, right lobe
            organ([2.0, 38.0, 42.0], [56.0, 30.0, 36.0], 112.0, 1),    // liver, left lobe
            organ([60.0, -44.0, -40.0], [29.0, 25.0, 50.0], 185.0, 2), // kidneys
            organ([-60.0, -44.0, -34.0], [29.0, 25.0, 50.0], 185.0, 2),
        ];
        Anatomy {
            skin: trunk(142.0, 102.0, FAT),
            muscle: trunk(128.0, 88.0, MUSCLE),
            organs,
            warp: [(); 3].map(|()| SmoothField::random(rng, 12.0)),
            bias: SmoothField::random(rng, 14.0),
        }
    }

    /// Attenuation in HU (without noise) and label at a point.
    pub(super) fn at(&self, point: [f64; 3]) -> (f64, u8) {
        let mut moved = point;
        for (value, field) in moved.iter_mut().zip(&self.warp) {
            *value += field.at(point);
        }
        if self.skin.depth(moved) > 1.0 {
            return (AIR, 0);
        }
        let bias = self.bias.at(point);
        let wall = self.muscle.depth(moved);
        if wall > 1.0 {
            return (self.skin.hu + bias, 0);
        }
        let between_bones = moved[2].rem_euclid(BONE_PERIOD) > 0.6 * BONE_PERIOD;
        if wall > 0.86 {
            let rib = (0.89..0.97).contains(&wall) && !between_bones;
            return (if rib { BONE } else { self.muscle.hu } + bias, 0);
        }
        let (mut hu, mut label) = (FAT, 0);
        for part in self.organs.iter().filter(|part| part.depth(moved) <= 1.0) {
            // The spine's discs are soft.
            let disc = part.hu > 300.0 && between_bones;
            (hu, label) = (if disc { MUSCLE } else { part.hu }, part.label);
        }
        (hu + bias, label)
    }
}

/// Random values on a coarse lattice, smoothly interpolated. Only additions and multiplications, so
/// that every machine, and a browser, gets the same numbers.
struct SmoothField {
    values: Vec<f64>,
}

impl SmoothField {
    /// Lattice points per axis.
    const POINTS: usize = 6;
    /// Their distance in mm.
    const STEP: f64 = 80.0;

    fn random(rng: &mut ChaCha8Rng, amplitude: f64) -> SmoothField {
        let values = (0..Self::POINTS.pow(3)).map(|_| rng.random_range(-amplitude..amplitude));
        SmoothField {
            values: values.collect(),
        }
    }

    fn at(&self, point: [f64; 3]) -> f64 {
        let last = (Self::POINTS - 1) as f64;
        let mut cell = [0; 3];
        let mut blend = [0.0; 3];
        for axis in 0..3 {
            let position = (point[axis] / Self::STEP + last / 2.0).clamp(0.0, last - 1e-9);
            cell[axis] = position as usize;
            let t = position - position.floor();
            blend[axis] = t * t * (3.0 - 2.0 * t);
        }
        let mut value = 0.0;
        for corner in 0..8 {
            let (mut index, mut weight) = (0, 1.0);
            for axis in 0..3 {
                let upper = corner >> axis & 1;
                index = index * Self::POINTS + cell[axis] + upper;
                weight *= if upper == 1 { blend[axis] } else { 1.0 - blend[axis] };
            }
            value += weight * self.values[index];
        }
        value
    }
}
