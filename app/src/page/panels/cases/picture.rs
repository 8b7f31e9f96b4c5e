//! The small picture of a case in the table.

use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::page::panels::cases::Case;

/// A 2D canvas, since browsers only allow a few with WebGL.
#[component]
pub fn Picture(case: Memo<Option<Case>>) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    let thumbnail = Memo::new(move |_| {
        let case = case.read();
        case.as_ref()
            .and_then(|case| case.info.contents.as_ref().map(|contents| contents.thumbnail.clone()))
    });
    Effect::new(move |_| {
        if let (Some(canvas), Some(picture)) = (canvas.get(), &*thumbnail.read()) {
            let (width, height) = (picture.width as u32, picture.height as u32);
            canvas.set_width(width);
            canvas.set_height(height);
            let pixels = picture.pixels.iter();
            let colors: Vec<u8> = pixels.flat_map(|&grey| [grey, grey, grey, 255]).collect();
            // It only fails if the browser cannot draw at all; then the picture is left out.
            let _ = paint(&canvas, &colors, width, height);
        }
    });
    view! { <canvas node_ref=canvas aria-hidden="true" width="1" height="1"></canvas> }
}

fn paint(canvas: &HtmlCanvasElement, colors: &[u8], width: u32, height: u32) -> Result<(), JsValue> {
    let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(colors), width, height)?;
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?;
    let context: CanvasRenderingContext2d = context.unchecked_into();
    context.put_image_data(&data, 0.0, 0.0)
}
