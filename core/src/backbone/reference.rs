//! What reference implementations store besides parameters.

use crate::nn::relative_rows;

/// Suffix of the relative position tables in PyTorch.
const TABLE: &str = "relative_position_bias_table";

/// Suffix of the buffers that PyTorch keeps beside those tables.
pub(super) const INDEX: &str = "relative_position_index";

/// A tensor of the reference implementation that is not a parameter here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReferenceTensor {
    /// Its reference name.
    pub name: String,
    /// Its sides, the slowest first.
    pub shape: Vec<usize>,
    /// What it holds.
    pub values: ReferenceValues,
}

/// What a tensor of the reference implementation holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ReferenceValues {
    /// The same number everywhere.
    Constant(f32),
    /// Integers, row-major.
    Integers(Vec<i64>),
}

/// The index `[token, token]` that PyTorch keeps beside each table of relative positions among `parameters`.
/// `window` gives for a table's name the window in tokens and the rows of the table for a difference of one
/// along each axis.
pub(super) fn position_indices(
    parameters: &[String],
    window: impl Fn(&str) -> ([usize; 3], [usize; 3]),
) -> Vec<ReferenceTensor> {
    let attentions = parameters.iter().filter_map(|name| name.strip_suffix(TABLE));
    attentions
        .map(|attention| {
            let (base, strides) = window(attention);
            let tokens: usize = base.iter().product();
            let rows = relative_rows(base, strides, tokens);
            ReferenceTensor {
                name: format!("{attention}{INDEX}"),
                shape: vec![tokens; 2],
                values: ReferenceValues::Integers(rows.into_iter().map(i64::from).collect()),
            }
        })
        .collect()
}
