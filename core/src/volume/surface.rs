//! A label's surface as a closed mesh of triangles, for 3D printing and for programs that draw meshes.
//!
//! Surface nets (Gibson, 1998): the centers of eight neighboring voxels are the corners of a cell. A cell that the
//! surface passes through gets one vertex, the mean of the points where the surface crosses its edges. The vertices of
//! the four cells around each crossed edge form two triangles.

use super::LabelImage;
use super::affine::norm;
use crate::file_names::{FileNames, fitting};

/// Maximum number of letters of a label's name in a file name, which leaves room for the case's name.
const LONGEST_NAME: usize = 60;

/// A closed mesh of triangles in millimeters, RAS+ (x to the right, y to the front, z up).
///
/// Each edge of a triangle is paired with one in the opposite direction, so the mesh has no holes and is consistently
/// oriented. Where voxels of a label touch only by an edge or a corner, parts of the mesh share vertices and edges;
/// such an edge belongs to four triangles rather than two.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surface {
    /// Positions in mm, RAS+.
    pub vertices: Vec<[f32; 3]>,
    /// The three vertices of each triangle, as indices into [`vertices`](Self::vertices), anticlockwise seen
    /// from outside.
    pub triangles: Vec<[u32; 3]>,
}

impl LabelImage {
    /// The surface of a label in mm, RAS+, by the map's affine, whatever its orientation. Outside the volume is
    /// background, so a label that touches the border is closed there. Empty if the id does not occur.
    ///
    /// The surface runs halfway between a voxel of the label and one that is not, and cuts corners: it
    /// encloses less than the voxels do: a ball of radius 20 voxels loses 0.3 % of its volume, one of 5 voxels
    /// 4 %, a single voxel all but 1/27. [`volumes_ml`](Self::volumes_ml) counts voxels.
    ///
    /// Only the label's bounding box is processed. Besides the result (12 bytes per vertex and per triangle, about two
    /// triangles per vertex), this takes memory for two planes of the box.
    pub fn surface(&self, id: u16) -> Surface {
        let Some((first, size)) = self.bounding_box(id) else {
            return Surface::default();
        };
        let mut net = Net {
            map: self,
            id,
            first,
            size,
            left_handed: self.grid().affine.determinant() < 0.0,
            surface: Surface::default(),
        };
        let mut below = net.plane(0);
        let mut cells = Vec::new();
        for z in 0..=size[2] {
            let above = net.plane(z + 1);
            cells = net.add_layer(z, [&below, &above], &cells);
            below = above;
        }
        net.surface
    }

    /// First voxel of a label along i, j and k, and its extent in voxels.
    fn bounding_box(&self, id: u16) -> Option<([usize; 3], [usize; 3])> {
        let [width, height, _] = self.grid().dims;
        let mut found: Option<([usize; 3], [usize; 3])> = None;
        for (index, row) in self.labels().chunks(width.max(1)).enumerate() {
            let Some(start) = row.iter().position(|&label| label == id) else {
                continue;
            };
            let end = row.iter().rposition(|&label| label == id);
            let end = end.unwrap_or(start);
            let (j, k) = (index % height, index / height);
            let (low, high) = found.get_or_insert(([start, j, k], [end, j, k]));
            for (axis, (from, to)) in [(start, end), (j, j), (k, k)].into_iter().enumerate() {
                low[axis] = low[axis].min(from);
                high[axis] = high[axis].max(to);
            }
        }
        found.map(|(low, high)| (low, [0, 1, 2].map(|axis| high[axis] - low[axis] + 1)))
    }
}

/// A surface under construction, plane by plane of the label's bounding box. The box has a margin of one voxel of
/// background on each side; x, y and z count its voxels along i, j and k, from the margin.
struct Net<'a> {
    map: &'a LabelImage,
    id: u16,
    /// The first voxel of the box, without the margin.
    first: [usize; 3],
    /// Voxels of the box along each axis, without the margin.
    size: [usize; 3],
    /// Whether i, j and k are mirrored in the patient, which turns every triangle inside out.
    left_handed: bool,
    surface: Surface,
}

impl Net<'_> {
    /// Mask of the label in plane z, x fastest.
    fn plane(&self, z: usize) -> Vec<bool> {
        let [width, height, depth] = self.size;
        let mut plane = vec![false; (width + 2) * (height + 2)];
        if z == 0 || z > depth {
            return plane;
        }
        let [columns, rows, _] = self.map.grid().dims;
        let [i, j, k] = self.first;
        for y in 1..=height {
            let from = ((k + z - 1) * rows + j + y - 1) * columns + i;
            let to = y * (width + 2) + 1;
            let labels = &self.map.labels()[from..from + width];
            for (inside, &label) in plane[to..to + width].iter_mut().zip(labels) {
                *inside = label == self.id;
            }
        }
        plane
    }

    /// Adds the cells between plane z and the next one, and the triangles around their lowest edges. Takes and returns
    /// the vertex of each cell of a layer, x fastest; 0 for cells without one.
    fn add_layer(&mut self, z: usize, planes: [&[bool]; 2], below: &[u32]) -> Vec<u32> {
        let [columns, rows] = [self.size[0] + 1, self.size[1] + 1];
        let mut layer = vec![0; columns * rows];
        for y in 0..rows {
            for x in 0..columns {
                let at = y * (columns + 1) + x;
                // Bit 0 of a corner's number is along x, bit 1 along y, bit 2 along z.
                let corners: [bool; 8] = std::array::from_fn(|corner| {
                    planes[corner >> 2][at + (corner >> 1 & 1) * (columns + 1) + (corner & 1)]
                });
                if corners == [corners[0]; 8] {
                    continue;
                }
                let cell = y * columns + x;
                layer[cell] = self.add_vertex([x, y, z], corners);
                for axis in (0..3).filter(|&axis| corners[0] != corners[1 << axis]) {
                    // The margin is background, so there is a preceding cell on each side of a crossed edge.
                    let vertex = |back: [usize; 3]| {
                        let layer = if back[2] == 1 { below } else { &layer };
                        layer[cell - back[1] * columns - back[0]]
                    };
                    self.add_quad(around(axis).map(vertex), corners[0]);
                }
            }
        }
        layer
    }

    /// Adds the vertex of a cell and returns its index.
    fn add_vertex(&mut self, cell: [usize; 3], corners: [bool; 8]) -> u32 {
        let middle = middle(corners);
        let voxel = [0, 1, 2].map(|axis| (self.first[axis] + cell[axis]) as f64 - 1.0 + middle[axis]);
        let place = self.map.grid().affine.apply(voxel);
        // Exceeding u32 would take 48 GiB of vertices.
        let index = self.surface.vertices.len() as u32;
        self.surface.vertices.push(place.map(|mm| mm as f32));
        index
    }

    /// Adds the two triangles of four vertices that run anticlockwise seen from the end of an edge; `outwards` says
    /// whether the edge points out of the label.
    fn add_quad(&mut self, mut quad: [u32; 4], outwards: bool) {
        if outwards == self.left_handed {
            quad.reverse();
        }
        let [a, b, c, d] = quad;
        let [p, q, r, s] = quad.map(|index| self.surface.vertices[index as usize]);
        // The shorter diagonal gives the flatter surface; no other quad has either, so both would close it.
        let shorter = norm(difference(r, p)) <= norm(difference(s, q));
        self.surface.triangles.extend(if shorter {
            [[a, b, c], [a, c, d]]
        } else {
            [[a, b, d], [b, c, d]]
        });
    }
}

/// How far back along x, y and z the four cells around a cell's lowest edge along `axis` lie, anticlockwise
/// seen from the edge's end.
fn around(axis: usize) -> [[usize; 3]; 4] {
    [[1, 1], [0, 1], [0, 0], [1, 0]].map(|[u, v]| {
        let mut back = [0; 3];
        back[(axis + 1) % 3] = u;
        back[(axis + 2) % 3] = v;
        back
    })
}

/// The mean of the points where the surface crosses a cell's edges, each halfway along its edge; relative to the cell's
/// first corner, in voxels. The corners must not all be equal.
fn middle(corners: [bool; 8]) -> [f64; 3] {
    let mut sum = [0.0; 3];
    let mut crossings = 0.0;
    for axis in 0..3 {
        for start in (0..8).filter(|corner| corner >> axis & 1 == 0) {
            if corners[start] == corners[start | 1 << axis] {
                continue;
            }
            crossings += 1.0;
            for (along, sum) in sum.iter_mut().enumerate() {
                let corner = (start >> along & 1) as f64;
                *sum += if along == axis { 0.5 } else { corner };
            }
        }
    }
    sum.map(|sum| sum / crossings)
}

impl Surface {
    /// Whether there are no triangles.
    pub fn is_empty(&self) -> bool {
        self.triangles.is_empty()
    }

    /// The volume that the mesh encloses in mL, by the divergence theorem; 0 if it is empty.
    pub fn volume_ml(&self) -> f64 {
        // Relative to one of the vertices, so that a distant origin costs no precision.
        let Some(&origin) = self.vertices.first() else {
            return 0.0;
        };
        let from_origin = |place| difference(place, origin);
        let six_fold: f64 = self
            .triangles
            .iter()
            .map(|&triangle| {
                let [a, b, c] = self.corners(triangle).map(from_origin);
                let normal = cross(b, c);
                a[0] * normal[0] + a[1] * normal[1] + a[2] * normal[2]
            })
            .sum();
        six_fold / 6.0 / 1000.0
    }

    /// The mesh as a binary STL file (little-endian, 84 bytes and 50 for each triangle). Coordinates are mm, RAS+; the
    /// format has no field for that, so the header has `SPACE=RAS`, which 3D Slicer reads: without it, Slicer assumes
    /// LPS and rotates by half a turn. Normals are of length 1, or 0 for a triangle without area.
    ///
    /// `name` follows in the header, truncated after its 80 bytes; characters outside ASCII become `?`.
    pub fn to_stl(&self, name: &str) -> Vec<u8> {
        // A header that begins with "solid" would mark a text file.
        let header = format!("MedContext, mm, SPACE=RAS, {name}");
        let printable = |letter: char| match letter {
            ' '..='~' => letter as u8,
            _ => b'?',
        };
        let mut out = Vec::with_capacity(84 + 50 * self.triangles.len());
        out.extend(header.chars().map(printable).take(80));
        out.resize(80, 0);
        out.extend((self.triangles.len() as u32).to_le_bytes());
        for &triangle in &self.triangles {
            let corners = self.corners(triangle);
            let places = [normal(corners)].into_iter().chain(corners);
            out.extend(places.flatten().flat_map(f32::to_le_bytes));
            // No attributes.
            out.extend([0; 2]);
        }
        out
    }

    fn corners(&self, triangle: [u32; 3]) -> [[f32; 3]; 3] {
        triangle.map(|index| self.vertices[index as usize])
    }
}

/// Unique names for the files of many surfaces.
#[derive(Debug, Default)]
pub struct SurfaceNames {
    files: FileNames,
}

impl SurfaceNames {
    /// The file name for a case's label: `case_label.stl`, with `_` for everything in the label's name that is neither
    /// letter, digit, `-` nor `.`, and with the id appended if that name is taken. A case name that is too long for a
    /// file system is truncated.
    pub fn take(&mut self, case: &str, label: &str, id: u16) -> String {
        let kept = |letter: char| match letter {
            '-' | '.' => letter,
            letter if letter.is_alphanumeric() => letter,
            _ => '_',
        };
        let label: String = label.chars().map(kept).take(LONGEST_NAME).collect();
        let mut ending = format!("_{label}");
        let mut name = fitting(case, &format!("{ending}.stl"));
        while !self.files.try_take(&name) {
            ending.push_str(&format!("_{id}"));
            name = fitting(case, &format!("{ending}.stl"));
        }
        name
    }
}

/// The unit normal of a triangle; 0 if it has no area.
fn normal([a, b, c]: [[f32; 3]; 3]) -> [f32; 3] {
    let across = cross(difference(b, a), difference(c, a));
    let length = norm(across);
    if length > 0.0 {
        across.map(|value| (value / length) as f32)
    } else {
        [0.0; 3]
    }
}

/// From `b` to `a`.
fn difference(a: [f32; 3], b: [f32; 3]) -> [f64; 3] {
    [0, 1, 2].map(|axis| f64::from(a[axis]) - f64::from(b[axis]))
}

fn cross(u: [f64; 3], v: [f64; 3]) -> [f64; 3] {
    [
        u[1] * v[2] - u[2] * v[1],
        u[2] * v[0] - u[0] * v[2],
        u[0] * v[1] - u[1] * v[0],
    ]
}
