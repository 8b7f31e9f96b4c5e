//! Writing: label maps on the image's own grid, bit for bit.

use medcontext_core::volume::{Affine, Form, Grid, Image, LabelImage, Limits, VolumeError, Voxels, gzip};
use ndarray::Array3;

use crate::nifti_file::{F32, I16, NiftiFile, U8, bytes_file, f32_bytes, field, i16_bytes};

fn read(bytes: &[u8]) -> Image {
    Image::read(bytes, &Limits::default()).expect("a readable file")
}

fn labels_of(bytes: &[u8]) -> Result<LabelImage, VolumeError> {
    LabelImage::from_image(read(bytes))
}

/// A scaled int16 image with everything that must be preserved. Axes: i to posterior, j to inferior, k to the right.
fn source(big_endian: bool, dims: &[i16]) -> Vec<u8> {
    let mut file = NiftiFile::in_byte_order(dims, I16, big_endian);
    file.f32s(field::PIXDIM, &[-1.0, 0.7031251, 0.8, 3.0000002]);
    file.f32s(field::SCL_SLOPE, &[0.25, -1000.0]);
    file.f32s(field::CAL_MAX, &[300.0, -100.0]);
    file.bytes[field::XYZT_UNITS] = 10;
    file.bytes[field::DESCRIP..field::DESCRIP + 9].copy_from_slice(b"made here");
    file.i16(field::QFORM_CODE, 1);
    file.f32s(field::QUATERN_B, &[0.5, -0.5, 0.5, -101.25, 77.1, 3.3]);
    file.i16(field::SFORM_CODE, 4);
    file.f32s(
        field::SROW_X,
        &[1e-9, 0.0, 3.0, -101.3, -0.7031251, -0.0, 0.0, 77.1, 0.0, -0.8, 0.0, 3.3],
    );
    file.extension(6, b"a comment");
    file.extension(4, &[9; 24]);
    let order = if big_endian { i16::to_be_bytes } else { i16::to_le_bytes };
    file.with(&(0..24).flat_map(order).collect::<Vec<u8>>())
}

#[test]
fn a_label_map_keeps_the_grid_of_its_image() {
    for dims in [&[2, 3, 4][..], &[2, 3, 4, 1]] {
        let little = source(false, dims);
        for bytes in [little.clone(), source(true, dims), gzip(&little)] {
            let image = read(&bytes);
            assert_eq!(image.grid().orientation(), "PIR");
            let labels = Array3::from_shape_fn([3, 2, 4], |(s, a, r)| (s * 8 + a * 4 + r) as u16);
            let written = LabelImage::from_canonical(labels.clone(), &image)
                .expect("same shape")
                .to_nifti();

            // Little-endian, and the same bits as the little-endian source.
            let same =
                |range: std::ops::Range<usize>| assert_eq!(written[range.clone()], little[range.clone()], "{range:?}");
            same(field::DIM + 2..field::DIM + 8);
            same(field::PIXDIM..field::PIXDIM + 16);
            same(field::XYZT_UNITS..field::XYZT_UNITS + 1);
            same(field::DESCRIP..field::MAGIC - 16);
            let i16_at = |offset: usize| i16::from_le_bytes([written[offset], written[offset + 1]]);
            let f32_at = |offset: usize| f32::from_le_bytes(written[offset..offset + 4].try_into().expect("four"));
            assert_eq!(i16_at(field::DIM), 3);
            assert_eq!(i16_at(field::INTENT_CODE), 1002);
            assert_eq!((i16_at(field::DATATYPE), i16_at(field::DATATYPE + 2)), (U8, 8));
            assert_eq!((f32_at(field::SCL_SLOPE), f32_at(field::SCL_INTER)), (1.0, 0.0));
            assert_eq!((f32_at(field::CAL_MAX), f32_at(field::CAL_MAX + 4)), (0.0, 0.0));
            let offset = f32_at(field::VOX_OFFSET) as usize;
            assert_eq!((offset % 16, written.len()), (0, offset + 24));

            // k runs to the right, j down and i back: voxel (i, j, k) is canonical (2 - j, 1 - i, k).
            for (index, &value) in written[offset..].iter().enumerate() {
                let (i, j, k) = (index % 2, index / 2 % 3, index / 6);
                assert_eq!(u16::from(value), labels[[2 - j, 1 - i, k]]);
            }
            let again = labels_of(&written).expect("labels");
            assert_eq!(again.canonical(), labels);
            assert_eq!(again.grid(), image.grid());
            assert_eq!(again.header().extensions().len(), 2);
            assert_eq!(again.header().extensions()[0].code, 6);
            assert!(again.header().extensions()[0].data.starts_with(b"a comment"));
            assert_eq!(again.header().extensions()[1].data, [9; 24]);
            // Writing what was read changes nothing more.
            assert_eq!(again.to_nifti(), written);
        }
    }
}

#[test]
fn ids_above_255_take_two_bytes() {
    let image = read(&bytes_file([2, 3, 4], &[0; 24]));
    for (largest, datatype, bytes) in [(255, 2, 24), (256, 512, 48), (65535, 512, 48)] {
        let mut labels = Array3::zeros([4, 3, 2]);
        labels[[3, 2, 1]] = largest;
        let written = LabelImage::from_canonical(labels, &image)
            .expect("same shape")
            .to_nifti();
        assert_eq!(written[field::DATATYPE], (datatype & 255) as u8);
        assert_eq!(written[field::DATATYPE + 1], (datatype >> 8) as u8);
        assert_eq!(written.len(), 352 + bytes);
        assert_eq!(labels_of(&written).expect("labels").present(), [largest]);
    }
    let refused = LabelImage::from_canonical(Array3::zeros([2, 3, 4]), &image).expect_err("another shape");
    assert_eq!(
        refused.to_string(),
        "an array of 2×3×4 voxels does not fit a grid of 4×3×2"
    );
}

#[test]
fn what_counts_as_labels() {
    let float = |first: f32| {
        let mut values = vec![2.0; 24];
        values[0] = first;
        labels_of(&NiftiFile::new(&[2, 3, 4], F32).with(&f32_bytes(values)))
    };
    let label = float(2.9995).expect("nearly 3");
    assert_eq!((label.present(), label.labels()[0]), (vec![2, 3], 3));
    assert!(label.warnings()[0].contains("were rounded"), "{:?}", label.warnings());
    assert_eq!(float(-0.0005).expect("nearly 0").labels()[0], 0);
    let said = |first| float(first).expect_err("not a label").to_string();
    assert_eq!(
        said(2.5),
        "voxel value 2.5 is not a whole number: this looks like an image, not labels; choose the label map"
    );
    assert!(said(2.998).contains("looks like an image"));
    assert_eq!(
        said(-3.0),
        "label -3 is negative; labels are whole numbers from 0 to 65535"
    );
    assert_eq!(
        said(65536.0),
        "label 65536 is too large; labels are whole numbers from 0 to 65535"
    );

    // A slope is applied first.
    let scaled = |slope: f32| {
        let mut file = NiftiFile::new(&[2, 3, 4], I16);
        file.f32s(field::SCL_SLOPE, &[slope, 1.0]);
        labels_of(&file.with(&i16_bytes(0..24)))
    };
    assert_eq!(scaled(2.0).expect("odd numbers").labels()[..3], [1, 3, 5]);
    assert!(scaled(0.3).is_err());
}

/// Another program writes its own header; the voxels are still in the image's order.
#[test]
fn a_drawing_takes_the_grid_of_its_image() {
    let image = read(&source(false, &[2, 3, 4]));
    let mut voxels = [0; 24];
    voxels[3] = 2;
    voxels[11] = 5;
    let drawing = |dims: &[i16]| {
        let size = dims.iter().product::<i16>() as usize;
        labels_of(&NiftiFile::new(dims, U8).with(&voxels[..size])).expect("labels")
    };
    let names = [(1, "absent"), (2, "a < b & c"), (5, "liver")];
    let names = names.map(|(id, name)| (id, name.to_owned())).into();
    let map = LabelImage::drawn(drawing(&[2, 3, 4]), &image, &names).expect("same shape");

    let again = labels_of(&map.to_nifti()).expect("labels");
    assert_eq!(again.grid(), image.grid());
    let expected: Vec<u16> = voxels.into_iter().map(u16::from).collect();
    assert_eq!(again.labels(), expected);
    let found: Vec<(u16, String)> = again.names().into_iter().collect();
    assert_eq!(found, [(2, "a < b & c".to_owned()), (5, "liver".to_owned())]);
    // The image's own two extensions are still there.
    assert_eq!(again.header().extensions().len(), 3);

    let wrong = LabelImage::drawn(drawing(&[2, 3, 2]), &image, &names);
    assert!(matches!(wrong, Err(VolumeError::ShapeMismatch { .. })));
}

#[test]
fn a_difference_tells_what_is_missed_from_what_is_extra() {
    let map = |labels: [u8; 4]| {
        let mut voxels = [0; 24];
        voxels[..4].copy_from_slice(&labels);
        labels_of(&NiftiFile::new(&[2, 3, 4], U8).with(&voxels)).expect("labels")
    };
    let difference = map([1, 0, 2, 2]).difference(&map([1, 1, 0, 1])).expect("same shape");
    let (missed, extra, other) = (LabelImage::MISSED, LabelImage::EXTRA, LabelImage::OTHER);
    assert_eq!(difference.labels()[..4], [0, missed, extra, other]);
    assert!(difference.labels()[4..].iter().all(|&label| label == 0));
    let smaller = labels_of(&NiftiFile::new(&[2, 3, 2], U8).with(&[0; 12])).expect("labels");
    assert!(map([0; 4]).difference(&smaller).is_err());
}

/// Label voxels of 3 × 3 × 1 mm, i running to the left, under an image of 1 mm voxels: index x / 3 is rounded.
#[test]
fn labels_of_another_grid_are_brought_onto_the_image() {
    let grid = |dims, affine| Grid {
        dims,
        affine: Affine(affine),
        form: Form::Sform,
    };
    let turned = grid(
        [2, 2, 1],
        [[-3.0, 0.0, 0.0, 3.0], [0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
    );
    let one = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]];
    let image = Image::new(Voxels::U8(vec![0; 6 * 6 * 2]), grid([6, 6, 2], one)).expect("filled");
    let labels = Image::new(Voxels::U8(vec![1, 2, 3, 4]), turned).expect("filled");
    let labels = LabelImage::from_image(labels).expect("labels");
    let found = labels.onto(&image).expect("an affine");
    assert_eq!(found.grid(), image.grid());
    // The plane below the map is background; from x = 5 on nothing is within half a voxel.
    assert!(found.labels()[..36].iter().all(|&label| label == 0));
    let row = |labels: [u16; 6]| labels;
    let expected = [
        row([2, 2, 1, 1, 1, 0]),
        row([2, 2, 1, 1, 1, 0]),
        row([4, 4, 3, 3, 3, 0]),
        row([4, 4, 3, 3, 3, 0]),
        row([4, 4, 3, 3, 3, 0]),
        row([0; 6]),
    ];
    assert_eq!(found.labels()[36..], expected.concat());
}

#[test]
fn values_that_are_no_labels_are_rounded_on_request() {
    let image = |values: [f32; 4]| {
        let mut voxels = [0.0; 24];
        voxels[..4].copy_from_slice(&values);
        read(&NiftiFile::new(&[2, 3, 4], F32).with(&f32_bytes(voxels)))
    };
    let fractions = image([0.4, 1.6, f32::NAN, 2.5]);
    assert!(LabelImage::from_image(fractions.clone()).is_err());
    let found = LabelImage::rounded(&fractions).expect("labels");
    assert_eq!(found.labels()[..4], [0, 2, 0, 3]);
    let negative = LabelImage::rounded(&image([-2.0, 0.0, 0.0, 0.0]));
    assert!(matches!(negative, Err(VolumeError::NegativeLabel(_))));
}

#[test]
fn volumes_and_names() {
    let mut file = NiftiFile::new(&[2, 3, 4], U8);
    // Oblique, 0.5 × 2 × 4 mm: a voxel is 0.004 mL.
    file.f32s(
        field::SROW_X,
        &[0.3, -1.6, 0.0, 0.0, 0.4, 1.2, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0],
    );
    let xml = "<CaretExtension><LabelTable><Label Key=\"7\" Red=\"1\"><![CDATA[left & right]]></Label>\
               <Label Key=\"300\" Alpha=\"1\">portal_vein</Label><Label Key=\"x\">no \
               id</Label></LabelTable></CaretExtension>";
    file.extension(0, xml.as_bytes());
    let mut voxels = [0; 24];
    voxels[..5].fill(7);
    voxels[9] = 9;
    let label = labels_of(&file.with(&voxels)).expect("labels");
    let names: Vec<(u16, String)> = label.names().into_iter().collect();
    assert_eq!(names, [(7, "left & right".to_owned()), (300, "portal_vein".to_owned())]);
    let volumes = label.volumes_ml();
    assert_eq!(volumes.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [7, 9]);
    assert!(
        (volumes[0].1 - 0.020).abs() < 1e-8 && (volumes[1].1 - 0.004).abs() < 1e-8,
        "{volumes:?}"
    );
}

#[test]
fn an_image_made_in_memory() {
    let affine = Affine([[-2.0, 0.0, 0.0, 10.0], [0.0, 0.0, 3.0, -4.0], [0.0, 1.5, 0.0, 0.25]]);
    let grid = Grid {
        dims: [2, 3, 4],
        affine,
        form: Form::Sform,
    };
    let image = Image::new(Voxels::I16((0..24).collect()), grid.clone()).expect("24 voxels");
    let bytes = image.to_nifti();
    assert_eq!(bytes.len(), 352 + 48);
    let again = read(&bytes);
    assert_eq!((again.grid(), again.voxels()), (&grid, image.voxels()));
    assert!(again.warnings().is_empty());
    assert!(Image::new(Voxels::U8(vec![0; 23]), grid).is_err());
}
