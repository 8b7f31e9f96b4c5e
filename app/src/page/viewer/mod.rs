//! The volume viewer: NiiVue behind a few calls (only `viewer.js` uses it directly).

mod bindings;
mod colors;
mod label;
mod readout;

use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, HtmlCanvasElement};

use bindings::{JsHistory, JsViewer};
use colors::ColorTable;
use readout::Place;

pub use label::Label;
pub use readout::Readout;

/// What can be undone and redone in a drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub struct Changes {
    /// There is a change to undo.
    pub undo: bool,
    /// There is a change to redo.
    pub redo: bool,
}

/// Commands for a whole drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Undo the last change.
    Undo,
    /// Redo it.
    Redo,
    /// Let all labels grow until they meet.
    GrowCut,
    /// Fill the axial slices between those that have labels.
    Interpolate,
}

/// The intensity window of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The smallest value in the image.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// Shown as black.
    pub low: f64,
    /// Shown as white.
    pub high: f64,
}

/// Which views of a volume are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Three slices.
    Slices,
    /// Three slices and a rendering.
    Both,
    /// The rendering alone.
    Rendering,
}

/// How an overlay is painted.
#[derive(Clone, Copy, Debug)]
pub enum Paint<'a> {
    /// Each label in its color.
    Labels(&'a [Label]),
    /// Values from 0 (not at all) to 1 (the brightest).
    Heat,
}

/// A viewer on a canvas. The page has one for as long as it lives.
pub struct Viewer(JsViewer);

impl Viewer {
    /// Puts a viewer on the canvas; `readout` follows the crosshair.
    ///
    /// # Errors
    /// One sentence when the browser cannot draw (no WebGL2) or NiiVue cannot be loaded.
    pub async fn open(canvas: &HtmlCanvasElement, readout: WriteSignal<Option<Readout>>) -> Result<Self, String> {
        let closure = Closure::new(move |value| {
            let place = serde_wasm_bindgen::from_value::<Place>(value);
            readout.set(place.ok().map(Readout::from));
        });
        let opened = JsViewer::open(canvas, &closure).await;
        // The viewer calls it for as long as the page lives.
        closure.forget();
        opened.map(|viewer| Self(viewer.unchecked_into())).map_err(sentence)
    }

    /// Shows an image with or without an overlay. Colors and opacity are set together with it, so that they cannot get
    /// out of step.
    ///
    /// # Errors
    /// One sentence when the viewer refuses the volume.
    pub async fn show(
        &self,
        image: &Blob,
        overlay: Option<&Blob>,
        paint: Paint<'_>,
        opacity: f64,
    ) -> Result<(), String> {
        let colors = match paint {
            Paint::Labels(labels) => ColorTable::new(labels).to_js()?,
            Paint::Heat => JsValue::UNDEFINED,
        };
        self.0.show(image, overlay, colors, opacity).await.map_err(sentence)
    }

    /// Moves the crosshair to a position in mm, RAS+, once everything requested before is on screen.
    pub fn go_to(&self, mm: [f64; 3]) {
        self.0.go_to(&mm);
    }

    /// Sets the label maps whose values the readout shows, whether they are drawn or not.
    pub fn set_references(&self, truth: Option<&Blob>, prediction: Option<&Blob>) {
        self.0.set_references(truth, prediction);
    }

    /// Shows slices, rendering, or both.
    pub fn set_layout(&self, layout: Layout) {
        self.0.set_layout(match layout {
            Layout::Slices => "slices",
            Layout::Both => "both",
            Layout::Rendering => "rendering",
        });
    }

    /// The initial layout: without a GPU, a rendering is too slow to be drawn with every slice.
    pub fn first_layout(&self) -> Layout {
        if self.0.software() {
            Layout::Slices
        } else {
            Layout::Both
        }
    }

    /// Sets on which side the patient's right is, whether labels are outlines, and whether voxels are squares.
    pub fn set_look(&self, radiological: bool, outline: bool, sharp: bool) {
        self.0.set_look(radiological, outline, sharp);
    }

    /// Sets the intensity window; `None` for a suitable one.
    pub fn set_window(&self, window: Option<(f64, f64)>) {
        self.0
            .set_window(window.map(|(low, _)| low), window.map(|(_, high)| high));
    }

    /// The window in effect.
    pub fn window(&self) -> Option<Window> {
        let [least, most, low, high] = serde_wasm_bindgen::from_value(self.0.window()).ok()?;
        Some(Window { least, most, low, high })
    }

    /// Clears the screen.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Makes labels over the displayed image editable: the given ones, or an empty drawing.
    ///
    /// # Errors
    /// One sentence when the viewer refuses them.
    pub async fn edit(
        &self,
        labels: Option<&Blob>,
        colors: &[Label],
        opacity: f64,
        changes: WriteSignal<Changes>,
    ) -> Result<(), String> {
        let closure = Closure::new(move |value| {
            // `viewer.js` returns nothing else.
            if let Ok(now) = serde_wasm_bindgen::from_value(value) {
                changes.set(now);
            }
        });
        let colors = ColorTable::for_drawing(colors).to_js()?;
        let history = JsHistory::new();
        let edit = self.0.edit(labels, colors, opacity, &history, &closure);
        let opened = edit.await;
        // The viewer calls it until the next drawing is opened.
        closure.forget();
        opened.map_err(sentence)
    }

    /// Changes the colors of the labels that are being edited.
    ///
    /// # Errors
    /// One sentence when the browser refuses the table.
    pub fn recolor_drawing(&self, labels: &[Label]) -> Result<(), String> {
        self.0.recolor_drawing(ColorTable::for_drawing(labels).to_js()?);
        Ok(())
    }

    /// Sets what dragging over a slice does: look, brush, fill, erase or grow.
    pub fn set_tool(&self, tool: &str, label: u16, size: u32) {
        self.0.set_tool(tool, label, size);
    }

    /// Applies a command to the whole drawing, and returns what can then be undone.
    ///
    /// # Errors
    /// One sentence when the viewer cannot do it, because there is nothing to grow or to interpolate.
    pub fn command(&self, command: Command) -> Result<Changes, String> {
        let done = match command {
            Command::Undo => self.0.undo(),
            Command::Redo => self.0.redo(),
            Command::GrowCut => self.0.grow_cut(),
            Command::Interpolate => self.0.interpolate(),
        };
        let changes = done.map_err(sentence)?;
        serde_wasm_bindgen::from_value(changes).map_err(|error| error.to_string())
    }

    /// The drawing as a NIfTI file.
    ///
    /// # Errors
    /// One sentence when there is none.
    pub async fn drawing(&self) -> Result<Blob, String> {
        let bytes = self.0.drawing().await.map_err(sentence)?;
        let parts = js_sys::Array::of1(&bytes);
        Blob::new_with_u8_array_sequence(&parts).map_err(sentence)
    }

    /// Ends editing.
    pub fn close_drawing(&self) {
        self.0.close_drawing();
    }
}

/// The message of a JavaScript exception.
pub fn sentence(error: JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
