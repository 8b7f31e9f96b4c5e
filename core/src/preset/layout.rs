//! Phantoms in the layout of public data sets: the names and folders that [`pair`](crate::dataset::pair) and the
//! presets know.

use serde_json::json;

use super::name::Preset;
use crate::dataset::{DatasetError, PhantomCase, Result, phantom_dataset, phantom_dataset_json};
use crate::volume::{Image, LabelImage, Limits, Voxels};

/// Files of a data set by path, not compressed: the first `labeled` cases are on published lists, the others are
/// distributed besides: scans without labels, and in ACDC's `testing` folder scans whose labels were published later.
/// Any four labeled cases are enough for a training and an evaluation list.
///
/// # Errors
/// When a phantom is not a volume.
pub fn lay_out(layout: Preset, cases: &[PhantomCase], labeled: usize) -> Result<Vec<(String, Vec<u8>)>> {
    let (labeled, beside) = cases.split_at(labeled.min(cases.len()));
    let mut files = Vec::new();
    for (index, case) in labeled.iter().enumerate() {
        files.extend(match layout {
            Preset::Decathlon => decathlon(&case.name, case, true),
            Preset::Brats17 => brats17(brats17_number(index), case, true)?,
            Preset::Synapse => synapse(index, case)?,
            Preset::Acdc => acdc("training", index + 1, case)?,
            Preset::Brats21 => brats21(index, case, true)?,
        });
    }
    for (index, case) in beside.iter().enumerate() {
        files.extend(match layout {
            Preset::Decathlon => decathlon(&case.name, case, false),
            Preset::Brats17 => brats17(485 + index, case, false)?,
            Preset::Synapse => {
                let path = format!("RawData/Testing/img/img{:04}.nii.gz", 61 + index);
                vec![(path, case.image.clone())]
            }
            Preset::Acdc => acdc("testing", 101 + index, case)?,
            Preset::Brats21 => brats21(labeled.len() + index, case, false)?,
        });
    }
    let listed = |folder: &str| -> Vec<String> {
        let names = files.iter().filter_map(|(path, _)| path.strip_prefix(folder));
        names.map(|name| name.trim_end_matches(".nii.gz").to_owned()).collect()
    };
    let json = match layout {
        Preset::Decathlon => Some(phantom_dataset_json(&listed("imagesTr/"), &listed("imagesTs/"))),
        Preset::Brats17 => Some(brain_json(&listed("imagesTr/"), &listed("imagesTs/"))),
        _ => None,
    };
    files.extend(json.map(|json| ("dataset.json".to_owned(), json.into_bytes())));
    Ok(files)
}

type Files = Vec<(String, Vec<u8>)>;

/// Medical Segmentation Decathlon.
fn decathlon(name: &str, case: &PhantomCase, labeled: bool) -> Files {
    let folder = if labeled { "imagesTr" } else { "imagesTs" };
    let mut files = vec![(format!("{folder}/{name}.nii.gz"), case.image.clone())];
    if labeled {
        files.push((format!("labelsTr/{name}.nii.gz"), case.label.clone()));
    }
    files
}

/// Decathlon's brain tumors: four contrasts as the frames of one file.
fn brats17(number: usize, case: &PhantomCase, labeled: bool) -> Result<Files> {
    let contrasts = contrasts(case)?;
    let brain = PhantomCase {
        name: format!("BRATS_{number:03}"),
        image: series(&contrasts),
        label: relabeled(case, [1, 2, 3])?,
    };
    Ok(decathlon(&brain.name, &brain, labeled))
}

/// The numbers of labeled cases: three of `train`, three of `val`, then in order.
fn brats17_number(index: usize) -> usize {
    const FIRST: [usize; 6] = [1, 2, 3, 11, 12, 18];
    numbered(index, &FIRST, 1..=484)
}

/// Synapse (BTCV): `img0005` with `label0005`; three of `train`, three of `test`, then in order.
fn synapse(index: usize, case: &PhantomCase) -> Result<Files> {
    const FIRST: [usize; 6] = [5, 6, 7, 1, 2, 3];
    let number = numbered(index, &FIRST, (1..=10).chain(21..=40));
    Ok(vec![
        (
            format!("RawData/Training/img/img{number:04}.nii.gz"),
            case.image.clone(),
        ),
        // In Synapse, the liver is 6, the kidneys are 2 and 3.
        (
            format!("RawData/Training/label/label{number:04}.nii.gz"),
            relabeled(case, [6, 2, 3])?,
        ),
    ])
}

/// The `index`-th number: from `first`, then from the rest of the distribution, then from outside it.
fn numbered(index: usize, first: &[usize], all: impl Iterator<Item = usize>) -> usize {
    let others = all.filter(|number| !first.contains(number));
    let mut numbers = first.iter().copied().chain(others);
    numbers.nth(index).unwrap_or(1000 + index)
}

/// ACDC: a folder for each patient, the series and its two labeled frames.
fn acdc(set: &str, patient: usize, case: &PhantomCase) -> Result<Files> {
    // End systole is a different frame in every patient; these are on a published list.
    let second = match patient {
        4 => 15,
        13 => 14,
        43 => 7,
        _ => 12,
    };
    let patient = format!("patient{patient:03}");
    let folder = format!("{set}/{patient}/{patient}");
    let mut files = Files::new();
    for frame in [1, second] {
        let name = format!("{folder}_frame{frame:02}");
        files.push((format!("{name}.nii.gz"), case.image.clone()));
        files.push((format!("{name}_gt.nii.gz"), relabeled(case, [3, 1, 2])?));
    }
    let twice = [case.image.clone(), case.image.clone()];
    files.push((format!("{folder}_4d.nii.gz"), series(&twice)));
    Ok(files)
}

/// BraTS 2021: a folder for each case, a file for each contrast.
fn brats21(number: usize, case: &PhantomCase, labeled: bool) -> Result<Files> {
    let name = format!("BraTS2021_{number:05}");
    let path = |ending: &str| format!("{name}/{name}_{ending}.nii.gz");
    let endings = ["flair", "t1ce", "t1", "t2"].into_iter();
    let mut files: Files = endings.map(path).zip(contrasts(case)?).collect();
    if labeled {
        files.push((path("seg"), relabeled(case, [2, 1, 4])?));
    }
    Ok(files)
}

/// Four contrasts of a phantom whose outside is 0, as after skull stripping.
fn contrasts(case: &PhantomCase) -> Result<Vec<Vec<u8>>> {
    let image = read(case, &case.image)?;
    let Voxels::I16(values) = image.voxels() else {
        return Err(not_a_volume(case));
    };
    // Brightness of fat and slope per HU, so that tissues look different in each contrast.
    let looks = [(300, 2), (400, 1), (700, -1), (500, 3)];
    let contrast = |(base, slope): (i32, i32)| {
        let value = |&hu: &i16| match hu {
            ..-500 => 0,
            _ => (base + slope * (i32::from(hu) + 95)).clamp(1, 4000) as i16,
        };
        let image = Image::new(Voxels::I16(values.iter().map(value).collect()), image.grid().clone());
        Ok(image.map_err(|_| not_a_volume(case))?.to_nifti())
    };
    looks.into_iter().map(contrast).collect()
}

/// The label map with other ids: for liver, and for kidneys in the first and the second half of the
/// file's voxels.
fn relabeled(case: &PhantomCase, [liver, first, second]: [u8; 3]) -> Result<Vec<u8>> {
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
    let mut bytes = frames.first().map_or(Vec::new(), |first| first[..VOXELS].to_vec());
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

/// The dataset.json of Decathlon's brain tumors.
fn brain_json(training: &[String], test: &[String]) -> String {
    let mut dataset = phantom_dataset(training, test);
    dataset["tensorImageSize"] = "4D".into();
    dataset["modality"] = json!({"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"});
    dataset["labels"] = json!({
        "0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"
    });
    format!("{dataset:#}\n")
}
