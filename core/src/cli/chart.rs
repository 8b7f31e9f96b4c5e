//! What charts have in common: the SVG document, scales and text.

use crate::metric::escape;

/// A whole document of this width and height, on white.
pub(super) fn document([width, height]: [f64; 2], body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

/// A scale from values to places along one side of a chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Where the lowest value is, and the value.
    pub low: (f64, f64),
    /// Where the highest value is, and the value.
    pub high: (f64, f64),
}

impl Scale {
    /// Where a value is.
    pub fn at(self, value: f64) -> f64 {
        let ((start, low), (end, high)) = (self.low, self.high);
        start + (value - low) / (high - low) * (end - start)
    }

    /// Five values with equal distances, for lines across the chart.
    pub fn ticks(self) -> [f64; 5] {
        let (low, high) = (self.low.1, self.high.1);
        [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| low + share * (high - low))
    }
}

/// Which part of a text is at its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A text, whose line begins, is centered or ends at (x, y); `style` are further attributes, each with a space before.
pub(super) fn text([x, y]: [f64; 2], anchor: Anchor, style: &str, words: &str) -> String {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{style}>{}</text>\n",
        escape(words)
    )
}

/// A gray line across a chart, from its path.
pub(super) fn rule(path: &str) -> String {
    format!("<path d=\"{path}\" stroke=\"#ddd\"/>\n")
}
