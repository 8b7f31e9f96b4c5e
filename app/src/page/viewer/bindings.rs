//! Bindings to `viewer.js` and `history.js`.

use wasm_bindgen::prelude::*;
use web_sys::{Blob, HtmlCanvasElement};

#[wasm_bindgen(module = "/src/page/history.js")]
extern "C" {
    #[wasm_bindgen(js_name = History)]
    pub type JsHistory;

    #[wasm_bindgen(constructor, js_class = History)]
    pub fn new() -> JsHistory;
}

#[wasm_bindgen(module = "/src/page/viewer.js")]
extern "C" {
    #[wasm_bindgen(js_name = Viewer)]
    pub type JsViewer;

    #[wasm_bindgen(static_method_of = JsViewer, js_class = Viewer, catch)]
    pub async fn open(canvas: &HtmlCanvasElement, on_readout: &Closure<dyn FnMut(JsValue)>)
    -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub async fn show(
        this: &JsViewer,
        image: &Blob,
        labels: Option<&Blob>,
        colors: JsValue,
        opacity: f64,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, js_name = goTo)]
    pub fn go_to(this: &JsViewer, mm: &[f64]);

    #[wasm_bindgen(method, js_name = setReferences)]
    pub fn set_references(this: &JsViewer, truth: Option<&Blob>, prediction: Option<&Blob>);

    #[wasm_bindgen(method, js_name = setLayout)]
    pub fn set_layout(this: &JsViewer, layout: &str);

    #[wasm_bindgen(method)]
    pub fn software(this: &JsViewer) -> bool;

    #[wasm_bindgen(method, js_name = setLook)]
    pub fn set_look(this: &JsViewer, radiological: bool, outline: bool, sharp: bool);

    #[wasm_bindgen(method)]
    pub fn window(this: &JsViewer) -> JsValue;

    #[wasm_bindgen(method, js_name = setWindow)]
    pub fn set_window(this: &JsViewer, low: Option<f64>, high: Option<f64>);

    #[wasm_bindgen(method)]
    pub fn clear(this: &JsViewer);

    #[wasm_bindgen(method, catch)]
    pub async fn edit(
        this: &JsViewer,
        labels: Option<&Blob>,
        colors: JsValue,
        opacity: f64,
        history: &JsHistory,
        on_change: &Closure<dyn FnMut(JsValue)>,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, js_name = recolorDrawing)]
    pub fn recolor_drawing(this: &JsViewer, colors: JsValue);

    #[wasm_bindgen(method, js_name = setTool)]
    pub fn set_tool(this: &JsViewer, tool: &str, label: u16, size: u32);

    #[wasm_bindgen(method, catch)]
    pub fn undo(this: &JsViewer) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub fn redo(this: &JsViewer) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = growCut)]
    pub fn grow_cut(this: &JsViewer) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub fn interpolate(this: &JsViewer) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub async fn drawing(this: &JsViewer) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, js_name = closeDrawing)]
    pub fn close_drawing(this: &JsViewer);
}
