//! Plots how cost grows with the work: time and memory against voxels, both axes logarithmic.

use std::fmt::Write as _;

/// One measurement: a network on one side, the voxels of a step, its seconds and its peak memory in GB.
pub struct Point {
    pub curve: String,
    pub voxels: f64,
    pub seconds: f64,
    pub gb: f64,
}

/// The plotted value of a point.
type Value = fn(&Point) -> f64;

/// Okabe and Ito's colors, which color-blind people can tell apart.
const COLORS: [&str; 4] = ["#0072b2", "#e69f00", "#009e73", "#d55e00"];

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 340.0;
/// The left edges of the two panels, and the size and the top of each.
const LEFT: [f64; 2] = [60.0, 460.0];
const PANEL: (f64, f64) = (310.0, 230.0);
const TOP: f64 = 60.0;

/// The sides of cubic patches that are marked below the panels.
const SIDES: [f64; 4] = [32.0, 64.0, 96.0, 128.0];

/// An SVG with a curve for each name among the points, in order.
pub fn svg(points: &[Point]) -> String {
    let mut curves: Vec<&str> = Vec::new();
    for point in points {
        if !curves.contains(&point.curve.as_str()) {
            curves.push(&point.curve);
        }
    }
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (index, curve) in curves.iter().enumerate() {
        let x = LEFT[0] + 180.0 * index as f64;
        let color = COLORS[index % COLORS.len()];
        let _ = writeln!(
            text,
            "<circle cx=\"{x}\" cy=\"16\" r=\"4\" fill=\"{color}\"/><text x=\"{}\" y=\"20\">{curve}</text>",
            x + 9.0
        );
    }
    let values: [(&str, Value); 2] = [
        ("seconds for a training step", |point| point.seconds),
        ("peak memory in GB", |point| point.gb),
    ];
    for (left, (title, value)) in LEFT.into_iter().zip(values) {
        text += &panel(left, title, points, &curves, value);
    }
    text + "</svg>\n"
}

fn panel(left: f64, title: &str, points: &[Point], curves: &[&str], value: Value) -> String {
    let (width, height) = PANEL;
    let values: Vec<f64> = points.iter().map(value).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Whole decades.
    let (bottom, top) = (least.log10().floor(), most.log10().ceil());
    let (first, last) = (SIDES[0].powi(3).log10(), SIDES[3].powi(3).log10());
    let x = |voxels: f64| left + (voxels.log10() - first) / (last - first) * width;
    let y = |value: f64| TOP + (top - value.log10()) / (top - bottom) * height;
    let mut text = format!("<text x=\"{left}\" y=\"{}\">{title}</text>\n", TOP - 12.0);
    for decade in bottom as i32..=top as i32 {
        let (value, at) = (10f64.powi(decade), y(10f64.powi(decade)));
        let _ = writeln!(
            text,
            "<path d=\"M{left} {at:.1}h{width}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            left - 6.0,
            at + 4.0
        );
    }
    for side in SIDES {
        let _ = writeln!(
            text,
            "<path d=\"M{0:.1} {TOP}v{height}\" stroke=\"#ddd\"/>\
             <text x=\"{0:.1}\" y=\"{1}\" text-anchor=\"middle\">{side}³</text>",
            x(side.powi(3)),
            TOP + height + 18.0
        );
    }
    for (curve, color) in curves.iter().zip(COLORS.iter().cycle()) {
        let mut mine: Vec<&Point> = points.iter().filter(|one| one.curve == *curve).collect();
        mine.sort_by(|a, b| a.voxels.total_cmp(&b.voxels));
        let places: Vec<String> = mine
            .iter()
            .map(|point| format!("{:.1},{:.1}", x(point.voxels), y(value(point))))
            .collect();
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            places.join(" ")
        );
        for place in places.iter().filter_map(|place| place.split_once(',')) {
            let _ = writeln!(
                text,
                "<circle cx=\"{}\" cy=\"{}\" r=\"3\" fill=\"{color}\"/>",
                place.0, place.1
            );
        }
    }
    text
}
