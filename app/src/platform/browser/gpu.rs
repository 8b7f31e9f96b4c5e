//! The browser's information about its GPU. wgpu's own description is empty there: browsers tell a vendor and an
//! architecture, not a product name.

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// This thread's scope.
    type Scope;
    #[wasm_bindgen(method, getter)]
    fn navigator(this: &Scope) -> Navigator;

    type Navigator;
    #[wasm_bindgen(method, getter)]
    fn gpu(this: &Navigator) -> Option<Gpu>;

    type Gpu;
    #[wasm_bindgen(method, catch, js_name = requestAdapter)]
    async fn request_adapter(this: &Gpu) -> Result<JsValue, JsValue>;

    type Adapter;
    #[wasm_bindgen(method, getter)]
    fn info(this: &Adapter) -> AdapterInfo;

    type AdapterInfo;
    #[wasm_bindgen(method, getter)]
    fn vendor(this: &AdapterInfo) -> String;
    #[wasm_bindgen(method, getter)]
    fn architecture(this: &AdapterInfo) -> String;
    #[wasm_bindgen(method, getter)]
    fn description(this: &AdapterInfo) -> String;
}

fn gpu_of_this_browser() -> Option<Gpu> {
    js_sys::global().unchecked_into::<Scope>().navigator().gpu()
}

/// The GPU's name, as far as the browser tells: "Nvidia ampere".
pub async fn gpu_name() -> Option<String> {
    let adapter = gpu_of_this_browser()?.request_adapter().await.ok()?;
    if adapter.is_null() {
        return None;
    }
    let info = adapter.unchecked_into::<Adapter>().info();
    if !info.description().is_empty() {
        return Some(info.description());
    }
    let name = format!("{} {}", info.vendor(), info.architecture());
    let name = name.trim();
    let first = name.chars().next()?;
    Some(first.to_uppercase().chain(name.chars().skip(1)).collect())
}

/// Why the CPU is used.
pub fn why_no_gpu() -> &'static str {
    match gpu_of_this_browser() {
        Some(_) => "WebGPU found no graphics adapter",
        None => "this browser has no WebGPU",
    }
}
