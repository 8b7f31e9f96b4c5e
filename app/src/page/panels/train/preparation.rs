//! How scans are prepared for the network, and how patches are drawn and changed.

use leptos::prelude::*;
use medcontext_core::transform::{Augmentation, Center, MirrorAxes, Normalization, Resampling, Spacing};

use crate::page::panels::plan::{AUGMENTATION, augmentation, change, give_back};
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// The three axes, as the form names them.
const AXES: [&str; 3] = ["depth", "height", "width"];

/// The voxel size that scans are resampled to; empty fields leave them as they are.
#[component]
pub fn SpacingChoice() -> impl IntoView {
    let state = expect_context::<State>();
    let spacing = move || state.saved.config().read().preprocessing.spacing;
    let side = move |axis: usize| {
        let set = move |text: String| {
            let value = text.parse::<f64>().ok();
            change(state, &["preprocessing.spacing"], |config| {
                config.preprocessing.spacing = value.map(|value| {
                    let before = config.preprocessing.spacing;
                    let mut mm = before.map_or([value; 3], |spacing| spacing.mm);
                    mm[axis] = value;
                    let rule = before.map_or(Resampling::NnUnet, |spacing| spacing.rule);
                    Spacing { mm, rule }
                });
            });
        };
        let shown = move || spacing().map_or_else(String::new, |spacing| rounded(spacing.mm[axis]));
        view! {
            <input
                id=format!("spacing-{}", AXES[axis])
                type="number"
                aria-label=format!("Voxel {} in mm", AXES[axis])
                min="0"
                step="any"
                placeholder="as is"
                prop:value=shown
                on:change:target=move |event| set(event.target().value())
            />
        }
    };
    view! {
        <div class="patch" role="group" aria-labelledby="spacing-title">
            <span id="spacing-title">"Voxel size in mm (D × H × W)"</span>
            <span class="sides">
                {side(0)} <span aria-hidden="true">"×"</span> {side(1)} <span aria-hidden="true">"×"</span> {side(2)}
            </span>
        </div>
    }
}

/// A length to four digits after the point.
fn rounded(mm: f64) -> String {
    ((mm * 1e4).round() / 1e4).to_string()
}

/// How intensities are normalized.
#[component]
pub fn NormalizationChoice() -> impl IntoView {
    let state = expect_context::<State>();
    let rule = move || state.saved.config().read().preprocessing.normalization;
    let name = move || match rule() {
        Normalization::ZScore => "z-score",
        Normalization::NonZeroZScore => "nonzero",
        Normalization::Window { .. } => "window",
        Normalization::ClipZScore { .. } => "ct",
        Normalization::None => "none",
    };
    let set = move |rule: Normalization| {
        change(state, &["preprocessing.normalization"], |config| {
            config.preprocessing.normalization = rule;
        });
    };
    let choose = move |value: String| match value.as_str() {
        "z-score" => set(Normalization::ZScore),
        "nonzero" => set(Normalization::NonZeroZScore),
        // Soft tissue of CT, until another is typed.
        "window" => set(Normalization::Window {
            low: -160.0,
            high: 240.0,
        }),
        "ct" => give_back(state, &["preprocessing.normalization"]),
        _ => set(Normalization::None),
    };
    let planned_ct = move || {
        let plan = state.plan.plan.read();
        let planned = plan.as_ref().map(|plan| plan.config.preprocessing.normalization);
        matches!(planned, Some(Normalization::ClipZScore { .. })) || name() == "ct"
    };
    view! {
        <label class="wide">
            "Intensities"
            <select id="normalization" prop:value=name on:change:target=move |event| choose(event.target().value())>
                <option value="z-score">"z-score of each scan"</option>
                <option value="nonzero">"z-score of what is not 0"</option>
                <option value="ct" disabled=move || !planned_ct()>
                    "CT, by the labeled voxels"
                </option>
                <option value="window">"a window, to 0 … 1"</option>
                <option value="none">"as they are"</option>
            </select>
        </label>
        <Window />
    }
}

/// The ends of a window of intensities, where one was chosen.
#[component]
fn Window() -> impl IntoView {
    let state = expect_context::<State>();
    let ends = move || match state.saved.config().read().preprocessing.normalization {
        Normalization::Window { low, high } => Some([low, high]),
        _ => None,
    };
    let end = move |index: usize, label: &'static str| {
        let typed = move |text: String| match (text.parse::<f64>().ok(), ends()) {
            (Some(value), Some(mut ends)) => {
                ends[index] = value;
                let [low, high] = ends;
                change(state, &["preprocessing.normalization"], |config| {
                    config.preprocessing.normalization = Normalization::Window { low, high };
                });
            }
            _ => state.saved.config().notify(),
        };
        view! {
            <input
                type="number"
                step="any"
                aria-label=label
                prop:value=move || ends().map_or_else(String::new, |ends| ends[index].to_string())
                on:change:target=move |event| typed(event.target().value())
            />
        }
    };
    view! {
        <Show when=move || ends().is_some()>
            <div class="patch" role="group" aria-label="Window of intensities">
                <span>"Window, lowest and highest"</span>
                <span class="sides">{end(0, "Lowest intensity")} "…" {end(1, "Highest intensity")}</span>
            </div>
        </Show>
    }
}

/// How patches are changed.
#[component]
pub fn AugmentationChoice() -> impl IntoView {
    let state = expect_context::<State>();
    let choose = move |value: String| {
        if value == "strong" && state.plan.plan.read_untracked().is_some() {
            return give_back(state, &AUGMENTATION);
        }
        change(state, &AUGMENTATION, |config| {
            let Augmentation {
                mirror_axes, keep_zero, ..
            } = config.augmentation;
            let chosen = match value.as_str() {
                "strong" => Augmentation::nnunet(false, keep_zero),
                "light" => Augmentation::default(),
                _ => Augmentation::none(),
            };
            config.augmentation = Augmentation {
                mirror_axes,
                keep_zero,
                ..chosen
            };
        });
    };
    let option = |value: &'static str, text: &'static str| view! { <option value=value>{text}</option> };
    view! {
        <label>
            "Augmentation"
            <select
                id="augmentation"
                prop:value=move || augmentation(&state.saved.config().read())
                on:change:target=move |event| choose(event.target().value())
            >
                {option("strong", "strong")} {option("light", "light")} {option("none", "none")}
            </select>
        </label>
    }
}

/// The share of patches that lie on a label.
#[component]
pub fn Foreground() -> impl IntoView {
    let state = expect_context::<State>();
    let percent = move || match state.saved.config().read().sampling.center {
        Center::Anywhere => "0".to_owned(),
        Center::Foreground { share } | Center::EachLabel { share } => (100.0 * share).to_string(),
        _ => String::new(),
    };
    let set = move |text: String| {
        let share = text.parse::<f64>().map(|percent| percent / 100.0);
        match share.ok().filter(|share| (0.0..=1.0).contains(share)) {
            Some(share) => change(state, &["sampling.center"], |config| {
                config.sampling.center = match (share, config.sampling.center) {
                    (0.0, _) => Center::Anywhere,
                    (share, Center::EachLabel { .. }) => Center::EachLabel { share },
                    (share, _) => Center::Foreground { share },
                };
            }),
            // Restore the old number.
            None => state.saved.config().notify(),
        }
    };
    view! {
        <label>
            "On a label, %"
            <input
                id="foreground-share"
                type="number"
                min="0"
                max="100"
                step="any"
                title="The share of patches whose center is a labeled voxel"
                prop:value=percent
                on:change:target=move |event| set(event.target().value())
            />
        </label>
    }
}

/// The axes along which patches may be mirrored.
#[component]
pub fn Mirroring() -> impl IntoView {
    let state = expect_context::<State>();
    let axis = move |axis: usize| {
        let set = move |on: bool| {
            change(state, &["augmentation.mirror_axes"], |config| {
                let MirrorAxes(axes) = &mut config.augmentation.mirror_axes;
                axes[axis] = on;
            });
        };
        let on = move || state.saved.config().read().augmentation.mirror_axes.0[axis];
        view! {
            <label>
                <input
                    id=format!("mirror-{}", AXES[axis])
                    type="checkbox"
                    prop:checked=on
                    on:change:target=move |event| set(event.target().checked())
                />
                {AXES[axis]}
            </label>
        }
    };
    view! {
        <div class="mirroring" role="group" aria-labelledby="mirroring-title">
            <span id="mirroring-title">"Mirrored along"</span>
            <span class="axes">{[0, 1, 2].map(axis).collect_view()}</span>
        </div>
    }
}
