//! Phantoms as public data sets are distributed: the names and folders that [`pair`](super::pair)
//! and the presets know.

use super::{DatasetError, PhantomCase, Preset, Result, phantom_dataset_json};
use crate::volume::{Image, LabelImage, Limits, Voxels};

/// Files of a data set by path, not compressed: the first `labelled` cases with their label maps, the
/// others without.
///
/// # Errors
/// When a phantom is not a volume.
pub fn lay_out(
    layout: Preset,
    cases: &[PhantomCase],
    labelled: usize,
) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut names = (Vec::new(), Vec::new());
    for (index, case) in cases.iter().enumerate() {
        let with_label = index < labelled;
        let place = match layout {
            Preset::Decathlon => decathlon(&case.name, case, with_label),
            Preset::Brats17 => brats17(index, case, with_label)?,
            Preset::Synapse => synapse(index, case, with_label)?,
            Preset::Acdc => acdc(index, case, with_label)?,
            Preset::Brats21 => brats21(index, case, with_label)?,
        };
        if let Some((path, _)) = place.first() {
            let file = path.rsplit('/').next().unwrap_or(path);
            let name = file.trim_end_matches(".nii.gz").to_owned();
            let list = if with_label {
                &mut names.0
            } else {
                &mut names.1
            };
            list.push(name);
        }
        files.extend(place);
    }
    let json = match layout {
        Preset::Decathlon => Some(phantom_dataset_json(&names.0, &names.1)),
        Preset::Brats17 => Some(brain_json(&names.0, &names.1)),
        _ => None,
    };
    files.extend(json.map(|json| ("dataset.json".to_owned(), json.into_bytes())));
    Ok(files)
}

type Files = Vec<(String, Vec<u8>)>;

/// Medical Segmentation Decathlon.
fn decathlon(name: &str, case: &PhantomCase, labelled: bool) -> Files {
    let folder = if labelled { "imagesTr" } else { "imagesTs" };
    let mut files = vec![(format!("{folder}/{name}.nii.gz"), case.image.clone())];
    if labelled {
        files.push((format!("labelsTr/{name}.nii.gz"), case.label.clone()));
    }
    files
}

/// Decathlon's brain tumours: four contrasts as the frames of one file.
fn brats17(index: usize, case: &PhantomCase, labelled: bool) -> Result<Files> {
    let contrasts = contrasts(case)?;
    let brain = PhantomCase {
        name: format!("BRATS_{:03}", index + 1),
        image: series(&contrasts),
        label: relabelled(case, [1, 2, 3])?,
    };
    Ok(decathlon(&brain.name, &brain, labelled))
}

/// Synapse (BTCV): `img0005` with `label0005`; the first ones of the training list.
fn synapse(index: usize, case: &PhantomCase, labelled: bool) -> Result<Files> {
    const TRAINING: [usize; 6] = [5, 6, 7, 9, 10, 21];
    if !labelled {
        let path = format!("RawData/Testing/img/img{:04}.nii.gz", 61 + index);
        return Ok(vec![(path, case.image.clone())]);
    }
    let number = TRAINING.get(index).copied().unwrap_or(100 + index);
    Ok(vec![
        (
            format!("RawData/Training/img/img{number:04}.nii.gz"),
            case.image.clone(),
        ),
        // Liver is 6 there, the kidneys 2 and 3.
        (
            format!("RawData/Training/label/label{number:04}.nii.gz"),
            relabelled(case, [6, 2, 3])?,
        ),
    ])
}

/// ACDC: a folder for each patient, the series and its labelled frames.
fn acdc(index: usize, case: &PhantomCase, labelled: bool) -> Result<Files> {
    let (set, patient) = if labelled {
        ("training", index + 1)
    } else {
        ("testing", index + 101)
    };
    let patient = format!("patient{patient:03}");
    let folder = format!("{set}/{patient}/{patient}");
    let mut files = vec![(format!("{folder}_frame01.nii.gz"), case.image.clone())];
    if labelled {
        files.push((
            format!("{folder}_frame01_gt.nii.gz"),
            relabelled(case, [3, 1, 2])?,
        ));
    }
    let twice = [case.image.clone(), case.image.clone()];
    files.push((format!("{folder}_4d.nii.gz"), series(&twice)));
    Ok(files)
}

/// BraTS 2021: a folder for each case, a file for each contrast.
fn brats21(index: usize, case: &PhantomCase, labelled: bool) -> Result<Files> {
    let name = format!("BraTS2021_{index:05}");
    let path = |ending: &str| format!("{name}/{name}_{ending}.nii.gz");
    let endings = ["flair", "t1ce", "t1", "t2"].into_iter();
    let mut files: Files = endings.map(path).zip(contrasts(case)?).collect();
    if labelled {
        files.push((path("seg"), relabelled(case, [2, 1, 4])?));
    }
    Ok(files)
}

/// Four contrasts of a phantom whose outside is 0, as after skull stripping.
fn contrasts(case: &PhantomCase) -> Result<Vec<Vec<u8>>> {
    let image = read(case, &case.image)?;
    let Voxels::I16(values) = image.voxels() else {
        return Err(not_a_volume(case));
    };
    // Brightness of fat and what is added for each HU, so that tissues look different in each.
    let looks = [(300, 2), (400, 1), (700, -1), (500, 3)];
    let contrast = |(base, slope): (i32, i32)| {
        let value = |&hu: &i16| match hu {
            ..-500 => 0,
            _ => (base + slope * (i32::from(hu) + 95)).clamp(1, 4000) as i16,
        };
        let image = Image::new(
            Voxels::I16(values.iter().map(value).collect()),
            image.grid().clone(),
        );
        Ok(image.map_err(|_| not_a_volume(case))?.to_nifti())
    };
    looks.into_iter().map(contrast).collect()
}

/// The label map with other ids: for liver, and for kidneys in the first and the second half of the
/// file's voxels.
fn relabelled(case: &PhantomCase, [liver, first, second]: [u8; 3]) -> Result<Vec<u8>> {
    let label = LabelImage::from_image(read(case, &case.label)?).map_err(|_| not_a_volume(case))?;
    let half = label.labels().len() / 2;
    let id = |(index, &label): (usize, &u16)| match (label, index < half) {
        (0, _) => 0,
        (1, _) => liver,
        (_, true) => first,
        (_, false) => second,
    };
    let ids = label.labels().iter().enumerate().map(id).collect();
    let image = Image::new(Voxels::U8(ids), label.grid().clone());
    Ok(image.map_err(|_| not_a_volume(case))?.to_nifti())
}

/// Volumes of one grid and type as the frames of one file.
fn series(frames: &[Vec<u8>]) -> Vec<u8> {
    /// Where the voxels start, and where the number of axes and the length of the fourth are.
    const VOXELS: usize = 352;
    const AXES: std::ops::Range<usize> = 40..42;
    const FOURTH: std::ops::Range<usize> = 48..50;
    let mut bytes = frames
        .first()
        .map_or(Vec::new(), |first| first[..VOXELS].to_vec());
    if let Some(axes) = bytes.get_mut(AXES) {
        axes.copy_from_slice(&4i16.to_le_bytes());
    }
    if let Some(fourth) = bytes.get_mut(FOURTH) {
        fourth.copy_from_slice(&(frames.len() as i16).to_le_bytes());
    }
    for frame in frames {
        bytes.extend_from_slice(&frame[VOXELS..]);
    }
    bytes
}

fn read(case: &PhantomCase, bytes: &[u8]) -> Result<Image> {
    Image::read(bytes, &Limits::default()).map_err(|_| not_a_volume(case))
}

fn not_a_volume(case: &PhantomCase) -> DatasetError {
    DatasetError::NotPhantom(case.name.clone())
}

/// The dataset.json of Decathlon's brain tumours.
fn brain_json(training: &[String], test: &[String]) -> String {
    let json = phantom_dataset_json(training, test);
    let mut dataset: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
    dataset["tensorImageSize"] = "4D".into();
    dataset["modality"] = serde_json::json!({"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"});
    dataset["labels"] = serde_json::json!({
        "0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"
    });
    format!("{dataset:#}\n")
}
