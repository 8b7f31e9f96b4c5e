//! The kernels of attention: an invocation takes a query, or a key, of a head of a window.

use cubecl::prelude::*;

/// What kernels know of the inputs when they are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub heads: usize,
    /// Channels of a head.
    pub width: usize,
    /// Whether the first input also has keys and values.
    pub joined: bool,
    pub has_bias: bool,
    pub has_mask: bool,
}

/// The window, the head and the token of this invocation.
#[cube]
fn of_invocation(tokens: usize, #[comptime] form: Form) -> (usize, usize, usize) {
    let row = ABSOLUTE_POS / tokens;
    (row / form.heads, row % form.heads, ABSOLUTE_POS % tokens)
}

/// The first channel of a head of a token in the result, `[window, token, head · width]`.
#[cube]
fn of_result(window: usize, head: usize, token: usize, tokens: usize, #[comptime] form: Form) -> usize {
    (window * tokens + token) * comptime!(form.heads * form.width) + head * form.width
}

/// Where queries, keys and values of a head of a window begin, and the values from one token to the next.
#[derive(CubeType, Clone, Copy)]
struct Places {
    query: usize,
    key: usize,
    value: usize,
    query_step: usize,
    rest_step: usize,
}

#[cube]
fn places(window: usize, head: usize, tokens: usize, #[comptime] form: Form) -> Places {
    let channels = comptime!(form.heads * form.width);
    let offset = head * form.width;
    if form.joined {
        let start = window * tokens * comptime!(3 * channels) + offset;
        Places {
            query: start,
            key: start + channels,
            value: start + comptime!(2 * channels),
            query_step: comptime!(3 * channels).runtime(),
            rest_step: comptime!(3 * channels).runtime(),
        }
    } else {
        let start = window * tokens * comptime!(2 * channels) + offset;
        Places {
            query: window * tokens * channels + offset,
            key: start,
            value: start + channels,
            query_step: channels.runtime(),
            rest_step: comptime!(2 * channels).runtime(),
        }
    }
}

/// A key or a value: the channels of one token from `place` on.
#[cube]
fn of_rest(query: &[f32], rest: &[f32], place: usize, #[comptime] form: Form) -> f32 {
    if form.joined { query[place] } else { rest[place] }
}

/// q · k / √width + bias + mask.
#[cube]
fn score(
    query: &[f32],
    rest: &[f32],
    bias: &[f32],
    mask: &[f32],
    from: usize,
    to: usize,
    places: &Places,
    window: usize,
    head: usize,
    tokens: usize,
    #[comptime] form: Form,
) -> f32 {
    let mut sum = 0.0f32;
    for channel in 0..form.width {
        sum += query[places.query + from * places.query_step + channel]
            * of_rest(query, rest, places.key + to * places.rest_step + channel, form);
    }
    let mut score = sum * comptime!(1.0 / (form.width as f32).sqrt());
    let plane = tokens * tokens;
    if form.has_bias {
        score += bias[head * plane + from * tokens + to];
    }
    if form.has_mask {
        score += mask[window % (mask.len() / plane) * plane + from * tokens + to];
    }
    score
}

/// The result `[window, token, channel]`, and of every query the logarithm of the sum of its scores' exponentials,
/// `[window, head, token, 2]`, beside room for the second number of the backward pass.
#[cube(launch)]
pub(super) fn forward_kernel(
    query: &[f32],
    rest: &[f32],
    bias: &[f32],
    mask: &[f32],
    y: &mut [f32],
    totals: &mut [f32],
    tokens: usize,
    #[comptime] form: Form,
) {
    if ABSOLUTE_POS * 2 < totals.len() {
        let (window, head, from) = of_invocation(tokens, form);
        let places = places(window, head, tokens, form);
        let mut sums = Array::<f32>::new(form.width);
        for channel in 0..form.width {
            sums[channel] = 0.0;
        }
        let mut largest = score(query, rest, bias, mask, from, 0, &places, window, head, tokens, form);
        let mut total = 0.0f32;
        for to in 0..tokens {
            let score = score(query, rest, bias, mask, from, to, &places, window, head, tokens, form);
            // What was summed up so far was relative to the largest score so far.
            if score > largest {
                let share = (largest - score).exp();
                total *= share;
                for channel in 0..form.width {
                    sums[channel] *= share;
                }
                largest = score;
            }
            let weight = (score - largest).exp();
            total += weight;
            for channel in 0..form.width {
                sums[channel] += weight * of_rest(query, rest, places.value + to * places.rest_step + channel, form);
            }
        }
        let start = of_result(window, head, from, tokens, form);
        for channel in 0..form.width {
            y[start + channel] = sums[channel] / total;
        }
        totals[2 * ABSOLUTE_POS] = largest + total.ln();
    }
}

/// Of every query the sum of the result times its gradient, into the second of `totals`.
#[cube(launch)]
pub(super) fn overlap_kernel(y: &[f32], dy: &[f32], totals: &mut [f32], tokens: usize, #[comptime] form: Form) {
    if ABSOLUTE_POS * 2 < totals.len() {
        let (window, head, from) = of_invocation(tokens, form);
        let start = of_result(window, head, from, tokens, form);
        let mut sum = 0.0f32;
        for channel in 0..form.width {
            sum += y[start + channel] * dy[start + channel];
        }
        totals[2 * ABSOLUTE_POS + 1] = sum;
    }
}

/// A weight of the softmax, and the gradient of its score.
#[cube]
fn change(
    query: &[f32],
    rest: &[f32],
    bias: &[f32],
    mask: &[f32],
    dy: &[f32],
    totals: &[f32],
    from: usize,
    to: usize,
    places: &Places,
    window: usize,
    head: usize,
    tokens: usize,
    #[comptime] form: Form,
) -> (f32, f32) {
    let of_query = (window * form.heads + head) * tokens + from;
    let score = score(query, rest, bias, mask, from, to, places, window, head, tokens, form);
    let weight = (score - totals[2 * of_query]).exp();
    let start = of_result(window, head, from, tokens, form);
    let mut gradient = 0.0f32;
    for channel in 0..form.width {
        gradient += dy[start + channel] * of_rest(query, rest, places.value + to * places.rest_step + channel, form);
    }
    (weight, weight * (gradient - totals[2 * of_query + 1]))
}

/// The gradient of the queries.
#[cube(launch)]
pub(super) fn query_kernel(
    query: &[f32],
    rest: &[f32],
    bias: &[f32],
    mask: &[f32],
    dy: &[f32],
    totals: &[f32],
    dquery: &mut [f32],
    tokens: usize,
    #[comptime] form: Form,
) {
    if ABSOLUTE_POS * 2 < totals.len() {
        let (window, head, from) = of_invocation(tokens, form);
        let places = places(window, head, tokens, form);
        let mut sums = Array::<f32>::new(form.width);
        for channel in 0..form.width {
            sums[channel] = 0.0;
        }
        for to in 0..tokens {
            let (_, slope) = change(
                query, rest, bias, mask, dy, totals, from, to, &places, window, head, tokens, form,
            );
            for channel in 0..form.width {
                sums[channel] += slope * of_rest(query, rest, places.key + to * places.rest_step + channel, form);
            }
        }
        for channel in 0..form.width {
            dquery[places.query + from * places.query_step + channel] =
                sums[channel] * comptime!(1.0 / (form.width as f32).sqrt());
        }
    }
}

/// The gradients of keys and values, into the tensor that has them.
#[cube(launch)]
pub(super) fn rest_kernel(
    query: &[f32],
    rest: &[f32],
    bias: &[f32],
    mask: &[f32],
    dy: &[f32],
    totals: &[f32],
    drest: &mut [f32],
    tokens: usize,
    #[comptime] form: Form,
) {
    if ABSOLUTE_POS * 2 < totals.len() {
        let (window, head, to) = of_invocation(tokens, form);
        let places = places(window, head, tokens, form);
        let mut keys = Array::<f32>::new(form.width);
        let mut values = Array::<f32>::new(form.width);
        for channel in 0..form.width {
            keys[channel] = 0.0;
            values[channel] = 0.0;
        }
        for from in 0..tokens {
            let (weight, slope) = change(
                query, rest, bias, mask, dy, totals, from, to, &places, window, head, tokens, form,
            );
            let start = of_result(window, head, from, tokens, form);
            for channel in 0..form.width {
                keys[channel] += slope * query[places.query + from * places.query_step + channel];
                values[channel] += weight * dy[start + channel];
            }
        }
        for channel in 0..form.width {
            drest[places.key + to * places.rest_step + channel] =
                keys[channel] * comptime!(1.0 / (form.width as f32).sqrt());
            drest[places.value + to * places.rest_step + channel] = values[channel];
        }
    }
}

/// The gradient of the bias, `[head, query, key]`.
#[cube(launch)]
pub(super) fn bias_kernel(
    query: &[f32],
    rest: &[f32],
    bias: &[f32],
    mask: &[f32],
    dy: &[f32],
    totals: &[f32],
    dbias: &mut [f32],
    tokens: usize,
    windows: usize,
    #[comptime] form: Form,
) {
    if ABSOLUTE_POS < dbias.len() {
        let to = ABSOLUTE_POS % tokens;
        let from = ABSOLUTE_POS / tokens % tokens;
        let head = ABSOLUTE_POS / tokens / tokens;
        let mut sum = 0.0f32;
        for window in 0..windows {
            let places = places(window, head, tokens, form);
            let (_, slope) = change(
                query, rest, bias, mask, dy, totals, from, to, &places, window, head, tokens, form,
            );
            sum += slope;
        }
        dbias[ABSOLUTE_POS] = sum;
    }
}
