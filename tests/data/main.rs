//! Volumes, cases and distances: reading, writing, orientation, pairing, phantoms, and real scans where available.

mod augmentation;
mod cases;
mod dataset_json;
mod distance;
mod fingerprint;
mod foreign;
mod geometry;
mod layouts;
mod matching;
mod nifti_file;
mod nifti_variety;
mod orientation;
mod pairing;
mod phantom;
mod place;
mod placement;
mod planner;
mod reading;
mod real_scans;
mod reoriented;
mod resampling;
mod robustness;
mod sampling;
mod surface;
mod thumbnail;
mod writing;
