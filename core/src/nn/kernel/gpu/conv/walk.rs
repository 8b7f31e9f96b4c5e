//! A walk of a workgroup's invocations through the voxels of some channels of a tile.

use cubecl::prelude::*;

/// Sides of a tile, or of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sides {
    pub d: usize,
    pub h: usize,
    pub w: usize,
}

impl Sides {
    /// Voxels.
    pub const fn voxels(self) -> usize {
        self.d * self.h * self.w
    }

    /// With the border that a 3×3×3 kernel needs.
    pub const fn with_border(self) -> Self {
        Self {
            d: self.d + 2,
            h: self.h + 2,
            w: self.w + 2,
        }
    }
}

/// A voxel of a channel.
#[derive(CubeType, Clone, Copy)]
struct Place {
    channel: usize,
    z: usize,
    y: usize,
    x: usize,
}

/// Where an invocation begins.
#[cube]
fn begin(unit: usize, #[comptime] sides: Sides) -> Place {
    let row = unit / sides.w;
    let plane = row / sides.h;
    Place {
        channel: plane / sides.d,
        z: plane % sides.d,
        y: row % sides.h,
        x: unit % sides.w,
    }
}

/// `units` voxels further. Division is slow on a GPU, and here it is by sums and comparisons.
#[cube]
fn advance(place: &mut Place, #[comptime] units: usize, #[comptime] sides: Sides) {
    place.x += comptime!(units % sides.w);
    place.y += comptime!(units / sides.w % sides.h);
    place.z += comptime!(units / sides.w / sides.h % sides.d);
    place.channel += comptime!(units / sides.voxels());
    let beyond = place.x >= sides.w;
    place.x = select(beyond, place.x - sides.w, place.x);
    place.y = select(beyond, place.y + 1, place.y);
    let beyond = place.y >= sides.h;
    place.y = select(beyond, place.y - sides.h, place.y);
    place.z = select(beyond, place.z + 1, place.z);
    let beyond = place.z >= sides.d;
    place.z = select(beyond, place.z - sides.d, place.z);
    place.channel = select(beyond, place.channel + 1, place.channel);
}

/// Where a workgroup reads a volume `[sample, channel, d, h, w]`: from this channel and voxel on.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Corner {
    pub sample: usize,
    pub channel: usize,
    pub z: usize,
    pub y: usize,
    pub x: usize,
}

/// Sizes of that volume.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Volume {
    pub channels: usize,
    pub d: usize,
    pub h: usize,
    pub w: usize,
}

/// Puts a tile of some channels, or as many as there are, which begins `border` voxels before its corner, into shared
/// memory; what lies outside the volume counts as 0.
#[cube]
pub(super) fn fill(
    from: &[f32],
    to: &mut Shared<[f32]>,
    corner: &Corner,
    volume: &Volume,
    #[comptime] channels: usize,
    #[comptime] sides: Sides,
    #[comptime] border: usize,
    #[comptime] units: usize,
) {
    let (d, h, w) = (volume.d, volume.h, volume.w);
    let mut place = begin(UNIT_POS as usize, sides);
    let mut index = UNIT_POS as usize;
    let left = volume.channels - corner.channel;
    let end = select(left < channels, left, channels) * comptime!(sides.voxels());
    while index < end {
        let channel = corner.channel + place.channel;
        let (z, y, x) = (corner.z + place.z, corner.y + place.y, corner.x + place.x);
        let inside_z = z >= border && z < d + border;
        let inside_y = y >= border && y < h + border;
        let inside_x = x >= border && x < w + border;
        let mut value = 0.0f32;
        if inside_z && inside_y && inside_x {
            let plane = (corner.sample * volume.channels + channel) * d + z - border;
            value = from[(plane * h + y - border) * w + x - border];
        }
        to[index] = value;
        advance(&mut place, units, sides);
        index += units;
    }
}
