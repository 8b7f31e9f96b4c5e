use super::{Checkpoint, is_torch};
use crate::weights::raw::Tensors;

const ZIP: &[u8] = include_bytes!("../../../../tests/fixtures/checkpoint.pt");
const LEGACY: &[u8] = include_bytes!("../../../../tests/fixtures/checkpoint_legacy.pt");
const HOSTILE: &[u8] = include_bytes!("../../../../tests/fixtures/checkpoint_hostile.pt");

/// All tensors of the dictionary at `path`.
fn read(bytes: &[u8], path: &str) -> Result<Tensors<'static>, String> {
    let checkpoint = Checkpoint::open(bytes)?;
    let dictionaries = checkpoint.dictionaries();
    let index = dictionaries.iter().position(|found| found.path == path);
    let index = index.ok_or_else(|| format!("{dictionaries:?}"))?;
    let names = dictionaries[index].shapes.keys();
    let names = names.map(|name| (name.clone(), name.clone())).collect();
    checkpoint.read(index, &names)
}

#[test]
fn both_forms_give_the_students_tensors() {
    for bytes in [ZIP, LEGACY] {
        assert!(is_torch(bytes));
        let tensors = read(bytes, "student_state_dict").expect("a checkpoint");
        let floats = |name: &str| tensors[name].floats().expect("floats");
        assert_eq!(tensors.len(), 8);
        assert_eq!(tensors["module.plain"].shape, [3, 4]);
        let plain: Vec<f32> = (0..12u8).map(f32::from).collect();
        assert_eq!(floats("module.plain"), plain);
        assert_eq!(tensors["module.transposed"].shape, [4, 3]);
        let transposed = [0.0, 4.0, 8.0, 1.0, 5.0, 9.0, 2.0, 6.0, 10.0, 3.0, 7.0, 11.0];
        assert_eq!(floats("module.transposed"), transposed);
        assert_eq!(floats("module.part"), [4.0, 6.0, 8.0, 10.0]);
        assert_eq!(floats("module.parameter"), [0.5, -0.25]);
        assert_eq!(floats("module.half"), [1.5, -2.0]);
        assert_eq!(floats("module.brain"), [1.5, -2.0]);
        assert_eq!(floats("module.double"), [0.1]);
        assert!(tensors["module.count"].floats().is_none(), "a whole number");
        // Nested dictionaries are found too, whatever their keys.
        let optimizer = read(bytes, "optimizer.state.0").expect("the optimizer's");
        assert_eq!(optimizer["step"].floats().expect("floats"), [3.0]);
    }
}

#[test]
fn a_checkpoint_that_would_run_a_command_is_refused() {
    let refused = read(HOSTILE, "state_dict").expect_err("it asks for os.system");
    assert!(refused.contains("posix.system"), "{refused}");
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    for bytes in [ZIP, LEGACY] {
        for end in (0..bytes.len()).step_by(37) {
            let cut = read(&bytes[..end], "student_state_dict");
            assert!(cut.is_err(), "cut at {end}");
        }
        for at in (0..bytes.len()).step_by(11) {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0xff;
            // Any result will do, as long as it returns.
            drop(read(&damaged, "student_state_dict"));
        }
    }
}
