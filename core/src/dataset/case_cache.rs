//! The cases that were read last, in memory.

use std::collections::VecDeque;
use std::rc::Rc;

use super::{Case, CaseFiles, Reading};
use crate::volume::Image;

/// Cases by their files, least recently used first to go.
pub struct CaseCache {
    /// The newest first.
    cases: VecDeque<(CaseFiles, Rc<Reading>)>,
    capacity: u64,
}

impl CaseCache {
    /// An empty cache that holds volumes of so many bytes.
    pub fn new(capacity: u64) -> Self {
        Self {
            cases: VecDeque::new(),
            capacity,
        }
    }

    /// What was read of these files, if it is still there.
    pub fn get(&mut self, files: &CaseFiles) -> Option<Rc<Reading>> {
        let place = self.cases.iter().position(|(known, _)| known == files)?;
        let found = self.cases.remove(place)?;
        let reading = Rc::clone(&found.1);
        self.cases.push_front(found);
        Some(reading)
    }

    /// Takes what was read of these files. The newest stays, however large it is.
    pub fn insert(&mut self, files: CaseFiles, reading: Rc<Reading>) {
        self.cases.push_front((files, reading));
        let mut bytes = 0;
        let fits = |(_, reading): &&(CaseFiles, Rc<Reading>)| {
            bytes += volume_bytes(&reading.case);
            bytes <= self.capacity
        };
        let fitting = self.cases.iter().take_while(fits).count().max(1);
        self.cases.truncate(fitting);
    }

    /// Drops a case, by its id.
    pub fn remove(&mut self, id: &str) {
        self.cases.retain(|(files, _)| files.id != id);
    }
}

/// Bytes of a case's volumes as they are in memory.
fn volume_bytes(case: &Case) -> u64 {
    let image = |image: &&Image| image.voxels().len() as u64 * image.voxels().datatype().bytes();
    let images: u64 = case.images().iter().map(image).sum();
    let labels = case.label.as_ref().map_or(0, |label| label.labels().len());
    images + labels as u64 * size_of::<u16>() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{PhantomConfig, phantom};
    use crate::volume::Limits;

    fn reading(id: &str) -> (CaseFiles, Rc<Reading>) {
        let config = PhantomConfig {
            cases: 1,
            seed: 0,
            voxels: (16, 16),
        };
        let image = Image::read(&phantom(&config)[0].image, &Limits::default()).expect("a phantom is a volume");
        let case = Case::new(id, image, None).expect("it has an image");
        let reading = Reading {
            case,
            unusable_label: None,
            fix: None,
        };
        (CaseFiles::of_image(id, format!("{id}.nii")), Rc::new(reading))
    }

    #[test]
    fn the_least_recently_used_case_makes_room() {
        let cases = ["a", "b", "c"].map(reading);
        // Voxels of 16³, two bytes each.
        let mut cache = CaseCache::new(2 * 2 * 4096);
        cache.insert(cases[0].0.clone(), Rc::clone(&cases[0].1));
        cache.insert(cases[1].0.clone(), Rc::clone(&cases[1].1));
        assert!(cache.get(&cases[0].0).is_some());
        cache.insert(cases[2].0.clone(), Rc::clone(&cases[2].1));
        let held = cases.each_ref().map(|(files, _)| cache.get(files).is_some());
        assert_eq!(held, [true, false, true]);
        cache.remove("a");
        assert!(cache.get(&cases[0].0).is_none());
        let mut tight = CaseCache::new(1);
        tight.insert(cases[0].0.clone(), Rc::clone(&cases[0].1));
        assert!(tight.get(&cases[0].0).is_some());
    }
}
