//! Volumes for the viewer.

use medcontext_core::volume::{Image, LabelImage, Limits};
use web_sys::Blob;

use super::cases::named;
use super::error::Result;
use super::files::{blob, bytes_of};
use super::session::Session;
use crate::message::Report;

/// Sends a case's volumes for display, as this program reads them.
pub async fn view(session: &Session, id: &str) -> Result<()> {
    *session.viewed.borrow_mut() = Some(id.to_owned());
    let case = session.case(id).await?;
    let truth = case
        .label
        .as_ref()
        .map(|label| blob(&for_viewer(label.to_nifti())));
    session.reporter.send(Report::View {
        case: id.to_owned(),
        image: blob(&for_viewer(case.image.to_nifti()))?,
        truth: truth.transpose()?,
    });
    Ok(())
}

/// Sends where a segmentation differs from a case's own labels.
pub async fn compare(session: &Session, id: &str, segmentation: &Blob) -> Result<()> {
    let case = session.case(id).await?;
    let Some(truth) = &case.label else {
        return Ok(());
    };
    let bytes = bytes_of(id, segmentation).await?;
    let difference = Image::read(&bytes, &Limits::default())
        .and_then(LabelImage::from_image)
        .and_then(|found| found.difference(truth))
        .map_err(named(id))?;
    session.reporter.send(Report::Difference {
        case: id.to_owned(),
        file: blob(&for_viewer(difference.to_nifti()))?,
    });
    Ok(())
}

/// Leaves one answer to where the voxels are. The standard, and this program, go by the sform where there
/// is one; the viewer goes by the qform where its code is larger (NiiVue 0.69).
fn for_viewer(mut nifti: Vec<u8>) -> Vec<u8> {
    const QFORM_CODE: std::ops::Range<usize> = 252..254;
    const SFORM_CODE: std::ops::Range<usize> = 254..256;
    if nifti.get(SFORM_CODE).is_some_and(|code| code != [0, 0]) {
        nifti[QFORM_CODE].fill(0);
    }
    nifti
}
