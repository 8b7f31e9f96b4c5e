//! Connected components of a label map.

use std::ops::Range;

use ndarray::{Array3, ArrayView1};

use super::Bounds;

/// The connected components of every label but the background. Found in one pass over the array, in runs of voxels
/// along its last axis, with a disjoint-set forest of the runs (Rosenfeld and Pfaltz, J. ACM 13, 1966): linear in
/// the number of voxels, and memory for the runs alone.
#[derive(Debug, Clone)]
pub struct Components<T> {
    /// The components, in the order in which the array's first voxels of each come.
    pub components: Vec<Component<T>>,
    /// All runs in the array's order.
    pub runs: Vec<ComponentRun>,
}

/// One connected component.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Component<T> {
    /// The label of its voxels.
    pub label: T,
    /// Number of its voxels.
    pub voxels: u64,
    /// The smallest box around it.
    pub bounds: Bounds,
    /// Sums of its voxels' indices along each axis; divided by `voxels`, its center of mass.
    pub index_sums: [f64; 3],
}

/// Neighboring voxels of one component along the array's last axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentRun {
    /// Index of its component.
    pub component: usize,
    /// Index along the first axis.
    pub depth: usize,
    /// Index along the second axis.
    pub height: usize,
    /// Indices along the last axis.
    pub columns: Range<usize>,
}

impl<T: Copy + PartialEq + Default> Components<T> {
    /// Finds the components of a label map, whose background is `T::default()` (0). Voxels of one label that touch, be
    /// it by a corner, are connected (26 neighbors).
    pub fn of(labels: &Array3<T>) -> Self {
        Self::connected(labels, 1)
    }

    /// The same with voxels that are connected only if they share a face (6 neighbors).
    pub fn by_faces(labels: &Array3<T>) -> Self {
        Self::connected(labels, 0)
    }

    fn connected(labels: &Array3<T>, reach: usize) -> Self {
        let (_, height, _) = labels.dim();
        let mut forest = Forest::new(reach);
        for (place, row) in labels.rows().into_iter().enumerate() {
            forest.add_row(row, [place / height, place % height]);
            forest.join_row(place, height);
        }
        forest.components()
    }
}

/// Runs of voxels while they are joined.
struct Forest<T> {
    /// How far aside a touching voxel may lie along each axis: 1 where corners connect, 0 where only faces do.
    reach: usize,
    runs: Vec<(T, ComponentRun)>,
    /// Of each run, one of its component that comes before it; itself for the component's first run.
    parents: Vec<usize>,
    /// Which runs each row has.
    rows: Vec<Range<usize>>,
}

impl<T: Copy + PartialEq + Default> Forest<T> {
    fn new(reach: usize) -> Self {
        Self {
            reach,
            runs: Vec::new(),
            parents: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Takes the runs of the next row in the array's order.
    fn add_row(&mut self, row: ArrayView1<'_, T>, [depth, height]: [usize; 2]) {
        let first = self.runs.len();
        let mut start = 0;
        while start < row.len() {
            let label = row[start];
            let mut end = start + 1;
            while end < row.len() && row[end] == label {
                end += 1;
            }
            if label != T::default() {
                let run = ComponentRun {
                    component: 0,
                    depth,
                    height,
                    columns: start..end,
                };
                self.parents.push(self.runs.len());
                self.runs.push((label, run));
            }
            start = end;
        }
        self.rows.push(first..self.runs.len());
    }

    /// Joins the runs of a row with those that they touch in the rows before it: one in the same plane, and in the
    /// plane above three, or one where only faces connect. A plane has `height` rows.
    fn join_row(&mut self, place: usize, height: usize) {
        let within = place % height;
        if within > 0 {
            self.join(place, place - 1);
        }
        if place >= height {
            for other in within.saturating_sub(self.reach)..(within + self.reach + 1).min(height) {
                self.join(place, place + other - height - within);
            }
        }
    }

    /// Joins the runs of two neighboring rows that touch.
    fn join(&mut self, row: usize, before: usize) {
        let mut before = self.rows[before].clone();
        for index in self.rows[row].clone() {
            let (label, columns) = (self.runs[index].0, self.runs[index].1.columns.clone());
            while !before.is_empty() && self.runs[before.start].1.columns.end + self.reach <= columns.start {
                before.start += 1;
            }
            // The last of these may touch the next run as well.
            for other in before.clone() {
                let (other_label, run) = &self.runs[other];
                if run.columns.start >= columns.end + self.reach {
                    break;
                }
                if *other_label == label {
                    self.unite(index, other);
                }
            }
        }
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }

    /// The first run of a run's component.
    fn root(&mut self, mut run: usize) -> usize {
        while self.parents[run] != run {
            self.parents[run] = self.parents[self.parents[run]];
            run = self.parents[run];
        }
        run
    }

    /// Numbers the components and adds up what is known of them.
    fn components(mut self) -> Components<T> {
        let mut components: Vec<Component<T>> = Vec::new();
        for index in 0..self.runs.len() {
            let root = self.root(index);
            let number = match root == index {
                true => components.len(),
                false => self.runs[root].1.component,
            };
            let (label, run) = &mut self.runs[index];
            run.component = number;
            let part = Component::of_run(*label, run);
            match components.get_mut(number) {
                Some(component) => *component = component.joined(part),
                None => components.push(part),
            }
        }
        let runs = self.runs.into_iter().map(|(_, run)| run).collect();
        Components { components, runs }
    }
}

impl<T: Copy> Component<T> {
    /// A component of one run.
    fn of_run(label: T, run: &ComponentRun) -> Self {
        let voxels = run.columns.len();
        let count = voxels as f64;
        let middle = (run.columns.start + run.columns.end - 1) as f64 / 2.0;
        Self {
            label,
            voxels: voxels as u64,
            bounds: Bounds {
                start: [run.depth, run.height, run.columns.start],
                size: [1, 1, voxels],
            },
            index_sums: [run.depth as f64, run.height as f64, middle].map(|index| index * count),
        }
    }

    /// This and another part of the same label.
    pub fn joined(self, other: Self) -> Self {
        Self {
            label: self.label,
            voxels: self.voxels + other.voxels,
            bounds: self.bounds.union(other.bounds),
            index_sums: [0, 1, 2].map(|axis| self.index_sums[axis] + other.index_sums[axis]),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn corners_connect_and_a_late_bridge_joins_what_was_apart() {
        // The first row's two runs are one component only by the second plane.
        let labels = array![
            [[1u8, 0, 0, 1, 2], [0, 0, 0, 0, 0]],
            [[0, 0, 0, 0, 0], [0, 1, 1, 0, 2]],
            [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1]],
        ];
        let found = Components::of(&labels);
        let sizes: Vec<(u8, u64)> = found.components.iter().map(|part| (part.label, part.voxels)).collect();
        assert_eq!(sizes, [(1, 4), (2, 2), (1, 1)]);
        let first = &found.components[0];
        assert_eq!((first.bounds.start, first.bounds.size), ([0, 0, 0], [2, 2, 4]));
        assert_eq!(first.index_sums, [2.0, 2.0, 6.0]);
        assert_eq!(found.runs.len(), 6);
    }

    #[test]
    fn faces_alone_connect_where_asked() {
        let labels = array![
            [[1u8, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 0]],
            [[0, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0]],
        ];
        let sizes = |found: Components<u8>| found.components.iter().map(|part| part.voxels).collect::<Vec<u64>>();
        assert_eq!(sizes(Components::of(&labels)), [9]);
        // The second plane's column joins neither the pair that it touches by an edge nor the single voxels.
        assert_eq!(sizes(Components::by_faces(&labels)), [2, 5, 1, 1]);
    }

    #[test]
    fn labels_that_cross_connect_by_corners_both_ways() {
        let labels = array![[[1u8, 1, 2, 2], [2, 2, 1, 1]]];
        assert_eq!(Components::of(&labels).components.len(), 2);
    }

    #[test]
    fn nothing_has_no_components() {
        assert!(Components::of(&Array3::<u16>::zeros((2, 0, 3))).components.is_empty());
        assert!(Components::of(&Array3::<u16>::zeros((2, 2, 3))).components.is_empty());
    }
}
