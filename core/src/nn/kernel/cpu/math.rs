//! Functions that vectorize at any width, unlike the C library's.

/// eˣ for x ≤ 0, with relative error 2·10⁻⁷, and 0 below e⁻⁸⁰: 2ⁿ · eʳ with |r| ≤ ln 2 / 2 and eʳ by its series.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding this rounds to an integer, which ends up in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Products with smaller values could be subnormal, which processors handle slowly.
    const LEAST: f32 = -80.0;
    let within = if x < LEAST { LEAST } else { x };
    let rounded = within * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = within - n * LN_2_HIGH - n * LN_2_LOW;
    let series = 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let series = series * r * r + r + 1.0;
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    if x < LEAST { 0.0 } else { series * power }
}

/// ln x for normal numbers, within 2·10⁻⁷: x = 2ⁿ · m with m from √½ to √2, and ln m = 2 artanh((m − 1) / (m + 1)).
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    const ROOT_HALF: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    const FRACTION: u32 = (1 << 23) - 1;
    // Shifts the boundaries between exponents from 1 to √½.
    let bits = x.to_bits().wrapping_sub(ROOT_HALF);
    let n = (bits as i32 >> 23) as f32;
    let m = f32::from_bits((bits & FRACTION).wrapping_add(ROOT_HALF));
    let t = (m - 1.0) / (m + 1.0);
    let square = t * t;
    let series = 1.0 / 9.0;
    let series = series * square + 1.0 / 7.0;
    let series = series * square + 1.0 / 5.0;
    let series = series * square + 1.0 / 3.0;
    let series = series * square + 1.0;
    n * std::f32::consts::LN_2 + 2.0 * t * series
}

/// The distribution function of the standard normal distribution, within 2·10⁻⁷: half of 1 + erf(x / √2), with erf as
/// x · P(x²) / Q(x²), the rational function of Eigen 3.4 and XLA.
#[inline(always)]
pub(super) fn normal_cdf(x: f32) -> f32 {
    const P: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const Q: [f32; 5] = [
        -1.456_607_2e-5,
        -2.133_740_6e-4,
        -1.682_827e-3,
        -7.373_329e-3,
        -1.426_473_9e-2,
    ];
    // Beyond, erf is ±1 in f32.
    let x = (x * std::f32::consts::FRAC_1_SQRT_2).clamp(-4.0, 4.0);
    let square = x * x;
    let (mut p, mut q) = (P[0], Q[0]);
    for term in &P[1..] {
        p = p * square + term;
    }
    for term in &Q[1..] {
        q = q * square + term;
    }
    0.5 + 0.5 * (x * p / q)
}

/// The density of the standard normal distribution.
#[inline(always)]
pub(super) fn normal_density(x: f32) -> f32 {
    const PEAK: f32 = 0.398_942_3;
    PEAK * exp(-0.5 * x * x)
}
