//! The volume viewer: NiiVue behind six calls (`viewer.js` is the only code that knows it).

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use web_sys::{Blob, HtmlCanvasElement};

use super::palette::rgb;

#[wasm_bindgen(module = "/src/page/viewer.js")]
extern "C" {
    #[wasm_bindgen(js_name = Viewer)]
    type JsViewer;

    #[wasm_bindgen(static_method_of = JsViewer, js_class = Viewer, catch)]
    async fn open(
        canvas: &HtmlCanvasElement,
        on_readout: &Closure<dyn FnMut(JsValue)>,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn show(
        this: &JsViewer,
        image: &Blob,
        labels: Option<&Blob>,
        colours: JsValue,
        opacity: f64,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method)]
    fn recolour(this: &JsViewer, colours: JsValue);

    #[wasm_bindgen(method, js_name = setOpacity)]
    fn set_opacity(this: &JsViewer, opacity: f64);

    #[wasm_bindgen(method, js_name = setLayout)]
    fn set_layout(this: &JsViewer, rendering: bool);

    #[wasm_bindgen(method)]
    fn clear(this: &JsViewer);
}

/// What is under the crosshair.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Readout {
    /// Position in mm, RAS+: to the patient's right, front and head.
    pub mm: [f64; 3],
    /// Value of the image there, then the label's id if labels are shown.
    pub values: Vec<f64>,
}

/// A label as the viewer colours it.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Its value in the file.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Whether it is drawn.
    pub visible: bool,
}

/// NiiVue's colour table for labels, one entry per id in `I`; background is never drawn.
#[derive(Serialize)]
#[allow(non_snake_case)]
struct ColourTable {
    R: Vec<u8>,
    G: Vec<u8>,
    B: Vec<u8>,
    A: Vec<u8>,
    I: Vec<u16>,
    labels: Vec<String>,
}

impl ColourTable {
    fn new(labels: &[Label]) -> Self {
        let mut table = Self {
            R: vec![0],
            G: vec![0],
            B: vec![0],
            A: vec![0],
            I: vec![0],
            labels: vec![String::new()],
        };
        for (index, label) in labels.iter().enumerate() {
            let [r, g, b] = rgb(index);
            table.R.push(r);
            table.G.push(g);
            table.B.push(b);
            table.A.push(if label.visible { 255 } else { 0 });
            table.I.push(label.id);
            table.labels.push(label.name.clone());
        }
        table
    }

    fn to_js(&self) -> JsValue {
        // Vectors of numbers and strings always encode.
        serde_wasm_bindgen::to_value(self).unwrap_or_default()
    }
}

/// A viewer on a canvas. The page has one for as long as it lives.
pub struct Viewer(JsViewer);

impl Viewer {
    /// Puts a viewer on the canvas; `readout` follows the crosshair.
    ///
    /// # Errors
    /// One sentence when the browser cannot draw (no WebGL2) or NiiVue cannot be loaded.
    pub async fn open(
        canvas: &HtmlCanvasElement,
        readout: WriteSignal<Option<Readout>>,
    ) -> Result<Self, String> {
        let closure = Closure::new(move |value| {
            readout.set(serde_wasm_bindgen::from_value(value).ok());
        });
        let opened = JsViewer::open(canvas, &closure).await;
        // The viewer calls it for as long as the page lives.
        closure.forget();
        opened
            .map(|viewer| Self(viewer.unchecked_into()))
            .map_err(sentence)
    }

    /// Shows an image, with labels over it or none.
    ///
    /// # Errors
    /// One sentence when the viewer refuses the volume.
    pub async fn show(
        &self,
        image: &Blob,
        overlay: Option<&Blob>,
        labels: &[Label],
        opacity: f64,
    ) -> Result<(), String> {
        let colours = ColourTable::new(labels).to_js();
        self.0
            .show(image, overlay, colours, opacity)
            .await
            .map_err(sentence)
    }

    /// Changes which labels are visible.
    pub fn recolour(&self, labels: &[Label]) {
        self.0.recolour(ColourTable::new(labels).to_js());
    }

    /// Labels' opacity, 0 to 1.
    pub fn set_opacity(&self, opacity: f64) {
        self.0.set_opacity(opacity);
    }

    /// Three slices and a rendering, or the rendering alone.
    pub fn set_layout(&self, rendering: bool) {
        self.0.set_layout(rendering);
    }

    /// Takes everything off the screen.
    pub fn clear(&self) {
        self.0.clear();
    }
}

/// What a JavaScript exception says.
fn sentence(error: JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || format!("{error:?}"),
        |error| String::from(error.message()),
    )
}
