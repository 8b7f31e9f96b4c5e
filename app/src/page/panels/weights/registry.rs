//! Weights that come with the page: a list of them beside it, fetched from the page's own server.

use js_sys::{Array, Promise};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File, Response};

use crate::message::{Handle, Upload};

/// Their folder, beside the page.
const FOLDER: &str = "models";

/// One of them, as `public/models/registry.json` describes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BundledModel {
    /// Its name for `?model=` in the address.
    pub name: String,
    /// What it segments, in words.
    pub title: String,
    /// Its file.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// What it was trained on, and under which license it may be used.
    pub about: String,
}

/// The list. Empty if the page was built without one, or the network does not answer.
///
/// # Errors
/// When it exists but is not such a list.
pub async fn list() -> Result<Vec<BundledModel>, String> {
    let text = async {
        let response = fetch("registry.json").await?;
        settle(response.text()?).await
    };
    match text.await.ok().and_then(|text| text.as_string()) {
        Some(text) => serde_json::from_str(&text).map_err(|reason| reason.to_string()),
        None => Ok(Vec::new()),
    }
}

/// Fetches a model's weights, as if they had been dropped.
///
/// # Errors
/// When the network does not answer.
pub async fn upload(model: &BundledModel) -> Result<Upload, JsValue> {
    let blob: Blob = settle(fetch(&model.file).await?.blob()?).await?.unchecked_into();
    let file = File::new_with_blob_sequence(&Array::of1(&blob), &model.file)?;
    Ok(Upload {
        path: model.file.clone(),
        file: Handle(file),
    })
}

async fn fetch(file: &str) -> Result<Response, JsValue> {
    let window = web_sys::window().ok_or(JsValue::UNDEFINED)?;
    let response = settle(window.fetch_with_str(&format!("{FOLDER}/{file}"))).await?;
    let response: Response = response.unchecked_into();
    if response.ok() {
        Ok(response)
    } else {
        Err(JsValue::from_f64(response.status().into()))
    }
}

async fn settle(promise: Promise) -> Result<JsValue, JsValue> {
    JsFuture::from(promise).await
}
