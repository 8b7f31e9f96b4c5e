//! Which intensities are black and white.

use std::fmt;

use ndarray::Array3;

/// Intensities that are drawn black and white, in the image's units (HU in CT).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) struct Window {
    pub low: f32,
    pub high: f32,
}

/// Air in CT, in HU: no other modality has such values.
const AIR: f32 = -500.0;

/// Soft tissue, in HU.
const CT: Window = Window {
    low: -160.0,
    high: 240.0,
};

/// The share of voxels below and above which intensities are clipped where it is not CT.
const CLIPPED: f64 = 0.005;

impl Window {
    /// Reads "LOW,HIGH".
    pub fn parse(text: &str) -> Result<Self, String> {
        let values: Option<Vec<f32>> = text.split(',').map(|value| value.trim().parse().ok()).collect();
        match values.as_deref() {
            Some(&[low, high]) if low < high && low.is_finite() && high.is_finite() => Ok(Self { low, high }),
            _ => Err("a window is two intensities, the lower one first: write LOW,HIGH".to_owned()),
        }
    }

    /// The window that suits a volume: soft tissue for CT, else the 0.5th to the 99.5th percentile of all voxels.
    pub fn of(volume: &Array3<f32>) -> Self {
        let mut values: Vec<f32> = volume.iter().copied().collect();
        if values.iter().any(|&value| value < AIR) {
            return CT;
        }
        let last = values.len().saturating_sub(1) as f64;
        let mut at = |share: f64| {
            let place = (share * last).round() as usize;
            // Volumes have voxels.
            match place < values.len() {
                true => *values.select_nth_unstable_by(place, f32::total_cmp).1,
                false => 0.0,
            }
        };
        let (low, high) = (at(CLIPPED), at(1.0 - CLIPPED));
        // A constant volume is black.
        Self {
            low,
            high: if high > low { high } else { low + 1.0 },
        }
    }

    /// The gray of an intensity, 0 (black) to 255.
    pub fn gray(self, value: f32) -> u8 {
        (255.0 * (value - self.low) / (self.high - self.low))
            .clamp(0.0, 255.0)
            .round() as u8
    }
}

impl fmt::Display for Window {
    /// Both ends with four digits that count, such as `-160 to 240`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", rounded(self.low), rounded(self.high))
    }
}

/// A number of which four digits are left.
fn rounded(value: f32) -> f64 {
    let value = f64::from(value);
    if value == 0.0 {
        return 0.0;
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32 - 3);
    match unit < 1.0 {
        // A division by a whole number leaves no digits of the binary fraction.
        true => (value / unit).round() / (1.0 / unit).round(),
        false => value.round(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(values: &[f32]) -> Array3<f32> {
        Array3::from_shape_vec((2, values.len() / 20, 10), values.to_vec()).expect("a shape")
    }

    #[test]
    fn air_tells_ct_and_percentiles_suit_the_rest() {
        let mut values: Vec<f32> = (0..2000u16).rev().map(f32::from).collect();
        let window = Window::of(&volume(&values));
        // 0.005 · 1999 is 9.995.
        assert_eq!((window.low, window.high), (10.0, 1989.0));
        values[7] = -600.0;
        assert_eq!(Window::of(&volume(&values)), CT);
        let constant = Window::of(&volume(&[3.0; 200]));
        assert_eq!(constant.gray(3.0), 0);
    }

    #[test]
    fn intensities_outside_the_window_are_black_and_white() {
        let grays = [-1000.0, -160.0, 40.0, 240.0, 3000.0].map(|value| CT.gray(value));
        assert_eq!(grays, [0, 0, 128, 255, 255]);
    }

    #[test]
    fn a_window_is_said_in_few_digits() {
        let said = |low, high| Window { low, high }.to_string();
        assert_eq!(said(-160.0, 240.0), "-160 to 240");
        assert_eq!(said(36.03908, 1279.3875), "36.04 to 1279");
        assert_eq!(said(0.0, 0.000123456), "0 to 0.0001235");
        assert_eq!(said(-0.5, 123_456.0), "-0.5 to 123456");
    }

    #[test]
    fn a_window_is_two_rising_numbers() {
        let window = Window {
            low: -150.0,
            high: 250.5,
        };
        assert_eq!(Window::parse("-150, 250.5"), Ok(window));
        for bad in ["1", "2,1", "1,1", "a,b", "1,2,3", "0,inf", "NaN,1"] {
            assert!(Window::parse(bad).is_err(), "{bad}");
        }
    }
}
