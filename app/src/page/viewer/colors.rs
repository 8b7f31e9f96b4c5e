//! Colors of labels in NiiVue's form.

use serde::Serialize;
use wasm_bindgen::JsValue;

use super::Label;

/// A drawing takes one byte per voxel.
const LARGEST_VALUE: u16 = 255;

/// NiiVue's color table for labels, one entry per id in `I`; background is never drawn.
#[derive(Serialize)]
#[allow(non_snake_case)]
pub struct ColorTable {
    R: Vec<u8>,
    G: Vec<u8>,
    B: Vec<u8>,
    A: Vec<u8>,
    I: Vec<u16>,
    labels: Vec<String>,
}

impl ColorTable {
    /// A table for these labels.
    pub fn new(labels: &[Label]) -> Self {
        let mut table = Self {
            R: vec![0],
            G: vec![0],
            B: vec![0],
            A: vec![0],
            I: vec![0],
            labels: vec![String::new()],
        };
        for (index, label) in labels.iter().enumerate() {
            let [r, g, b] = label.rgb(index);
            table.R.push(r);
            table.G.push(g);
            table.B.push(b);
            table.A.push(if label.visible { 255 } else { 0 });
            table.I.push(label.id);
            table.labels.push(label.name.clone());
        }
        table
    }

    /// A table for a drawing of these labels: it has an entry for every value that a drawing can hold, because
    /// NiiVue paints those without one red.
    pub fn for_drawing(labels: &[Label]) -> Self {
        let known = Self::new(labels);
        let ids: Vec<u16> = (0..=LARGEST_VALUE).collect();
        let place = |id: &u16| known.I.iter().position(|one| one == id);
        let places: Vec<Option<usize>> = ids.iter().map(place).collect();
        let channel = |of: &[u8]| {
            let value = |place: &Option<usize>| place.map_or(0, |place| of[place]);
            places.iter().map(value).collect()
        };
        let name = |place: &Option<usize>| place.map(|place| known.labels[place].clone());
        Self {
            R: channel(&known.R),
            G: channel(&known.G),
            B: channel(&known.B),
            A: channel(&known.A),
            labels: places.iter().map(|place| name(place).unwrap_or_default()).collect(),
            I: ids,
        }
    }

    /// The table as NiiVue takes it.
    ///
    /// # Errors
    /// One sentence when the browser refuses the table.
    pub fn to_js(&self) -> Result<JsValue, String> {
        serde_wasm_bindgen::to_value(self).map_err(|error| error.to_string())
    }
}
