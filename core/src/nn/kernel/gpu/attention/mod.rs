//! Attention of windows of tokens: an invocation takes a query, or a key, of a head of a window. Scores are never
//! stored: the backward pass computes them again.

mod kernels;

use burn::backend::{Cube, TensorMetadata};
use burn_cubecl::tensor::CubeTensor;

use super::launch::{arg, dims, empty, row, units};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::Attention;
use kernels::{Form, bias_kernel, forward_kernel, overlap_kernel, query_kernel, rest_kernel};

/// The sizes of an attention.
struct Sizes {
    form: Form,
    windows: usize,
    tokens: usize,
}

impl Sizes {
    fn of([query, rest, bias, mask]: [&CubeTensor; 4], heads: usize) -> Self {
        let present = |tensor: &CubeTensor| tensor.shape().num_elements() > 1;
        let [windows, tokens, given] = dims(query);
        let joined = !present(rest);
        let channels = if joined { given / 3 } else { given };
        Self {
            form: Form {
                heads,
                width: channels / heads,
                joined,
                has_bias: present(bias),
                has_mask: present(mask),
            },
            windows,
            tokens,
        }
    }

    /// Queries of all heads of all windows.
    fn queries(&self) -> usize {
        self.windows * self.form.heads * self.tokens
    }
}

/// The inputs are query, rest, bias and mask.
impl Operation<Cube, 4, 4> for Attention {
    /// Result and totals. The next operation keeps the result too, so keeping it here costs nothing.
    type Kept = [CubeTensor; 2];

    fn forward(&self, inputs: [CubeTensor; 4]) -> (CubeTensor, Self::Kept) {
        let inputs = inputs.map(row);
        let sizes = Sizes::of(inputs.each_ref(), self.heads);
        let [query, rest, bias, mask] = &inputs;
        let (form, tokens) = (sizes.form, sizes.tokens);
        let y = empty(query, [sizes.windows, tokens, form.heads * form.width]);
        let totals = empty(query, [sizes.windows, form.heads, tokens, 2]);
        let (cubes, dim) = units(sizes.queries());
        forward_kernel::launch(
            &query.client,
            cubes,
            dim,
            arg(query),
            arg(rest),
            arg(bias),
            arg(mask),
            arg(&y),
            arg(&totals),
            tokens,
            form,
        );
        (y.clone(), [y, totals])
    }

    fn needed<T>(inputs: [T; 4]) -> [T; 4] {
        inputs
    }

    fn backward(
        self,
        inputs: [CubeTensor; 4],
        [y, totals]: Self::Kept,
        dy: CubeTensor,
        _wanted: [bool; 4],
    ) -> [Option<CubeTensor>; 4] {
        let (inputs, dy) = (inputs.map(row), row(dy));
        let sizes = Sizes::of(inputs.each_ref(), self.heads);
        let [query, rest, bias, mask] = &inputs;
        let (form, tokens) = (sizes.form, sizes.tokens);
        let client = &query.client;
        let (cubes, dim) = units(sizes.queries());
        overlap_kernel::launch(
            client,
            cubes.clone(),
            dim,
            arg(&y),
            arg(&dy),
            arg(&totals),
            tokens,
            form,
        );
        let all = || [arg(query), arg(rest), arg(bias), arg(mask), arg(&dy), arg(&totals)];
        let dquery = empty(query, query.shape());
        let [a, b, c, d, e, f] = all();
        query_kernel::launch(client, cubes.clone(), dim, a, b, c, d, e, f, arg(&dquery), tokens, form);
        let drest = (!form.joined).then(|| empty(rest, rest.shape()));
        let [a, b, c, d, e, f] = all();
        let target = arg(drest.as_ref().unwrap_or(&dquery));
        rest_kernel::launch(client, cubes, dim, a, b, c, d, e, f, target, tokens, form);
        let dbias = form.has_bias.then(|| {
            let dbias = empty(bias, bias.shape());
            let (cubes, dim) = units(form.heads * tokens * tokens);
            let [a, b, c, d, e, f] = all();
            bias_kernel::launch(
                client,
                cubes,
                dim,
                a,
                b,
                c,
                d,
                e,
                f,
                arg(&dbias),
                tokens,
                sizes.windows,
                form,
            );
            dbias
        });
        [Some(dquery), drest, dbias, None]
    }
}
