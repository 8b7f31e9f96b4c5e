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
pub(super) struct Place {
    pub channel: usize,
    pub z: usize,
    pub y: usize,
    pub x: usize,
}

/// Where an invocation begins.
#[cube]
pub(super) fn begin(unit: usize, #[comptime] sides: Sides) -> Place {
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
pub(super) fn advance(place: &mut Place, #[comptime] units: usize, #[comptime] sides: Sides) {
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
