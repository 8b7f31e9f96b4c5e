//! PyTorch checkpoints as frameworks write them: prefixes, nested dictionaries, several networks in one file, and the
//! messages about those that cannot be used directly.

use std::fs;
use std::path::Path;

use medcontext_core::weights::read_safetensors;
use medcontext_tests::Saved;
use tempfile::TempDir;

use crate::{core, path, phantom, predict, refuse, succeed, text, train};

const TOLD: [&str; 4] = ["--heads", "6", "--patch", "16,16,16"];

/// A tiny UNETR trained by this program.
struct Trained {
    folder: TempDir,
    data: String,
    /// Its weights file.
    weights: String,
    /// Its tensors under MONAI's names.
    tensors: Vec<(String, Saved)>,
    /// The result of converting these.
    converted: Vec<u8>,
}

impl Trained {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let data = phantom(folder.path());
        let run = path(folder.path(), "run");
        succeed(&[&train(&data, &run)[..], &["--medcontext", "off"]].concat());
        let weights = format!("{run}/last.safetensors");
        let monai = path(folder.path(), "monai.safetensors");
        succeed(&["convert", &weights, &monai, "--to", "monai"]);
        let bytes = fs::read(&monai).expect("a file");
        let tensors = read_safetensors(&bytes).expect("tensors");
        let saved = tensors.into_iter().map(|(name, tensor)| {
            let values = tensor.floats().expect("floats");
            (name, Saved::Tensor(tensor.shape, values))
        });
        let tensors = saved.collect();
        let ours = path(folder.path(), "ours.safetensors");
        succeed(&[&["convert", &monai, &ours][..], &TOLD].concat());
        let converted = fs::read(ours).expect("a file");
        Self {
            folder,
            data,
            weights,
            tensors,
            converted,
        }
    }

    /// The state dict, each name after `prefix`.
    fn state(&self, prefix: &str) -> Vec<(String, Saved)> {
        let tensors = self.tensors.iter();
        tensors
            .map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone()))
            .collect()
    }

    fn write(&self, name: &str, saved: &Saved) -> String {
        let file = path(self.folder.path(), name);
        fs::write(&file, saved.to_bytes()).expect("written");
        file
    }

    /// The output of a conversion, whose file must be the expected one.
    fn convert(&self, what: &str, saved: &Saved, more: &[&str]) -> String {
        let file = self.write("checkpoint.pt", saved);
        let out = path(self.folder.path(), "out.safetensors");
        let said = succeed(&[&["convert", &file, &out, "--force"][..], &TOLD, more].concat());
        let found = fs::read(out).expect("a file");
        assert!(found == self.converted, "{what} gives another file");
        said
    }
}

#[test]
fn prefixes_and_wrappers_are_taken_off() {
    let trained = Trained::new();
    for prefix in [
        "",
        "module.",
        "model.",
        "net.",
        "_orig_mod.",
        "module._orig_mod.",
        "model._orig_mod.",
        "net.module.",
        "unetr.",
        "student.backbone.",
        "a.b.c.d.",
    ] {
        let state = Saved::Dict(trained.state(prefix));
        trained.convert(prefix, &state, &[]);
        trained.convert(prefix, &Saved::dict([("state_dict", state)]), &[]);
    }
    let plain = || Saved::Dict(trained.state(""));
    let optimizer = Saved::dict([("0", Saved::dict([("exp_avg", tensor(5.0))]))]);
    let wrapped = [
        Saved::dict([("module", plain()), ("global_steps", Saved::Int(3))]),
        Saved::dict([("ema", Saved::dict([("module", plain())]))]),
        Saved::dict([("optimizer", optimizer), ("anything", plain())]),
        Saved::dict([("a", Saved::dict([("b", Saved::dict([("c", plain())]))]))]),
        // Settings as objects of their framework, with the weights inside one.
        Saved::dict([
            ("cfg", object("yacs.config", "CfgNode", Saved::Int(1))),
            ("state_dict", plain()),
        ]),
        object("nnunet.trainer", "Trainer", Saved::dict([("network_weights", plain())])),
        whole_module(&trained.tensors),
    ];
    for (index, saved) in wrapped.iter().enumerate() {
        trained.convert(&format!("wrapper {index}"), saved, &[]);
    }
}

#[test]
fn what_lies_beside_is_named() {
    let trained = Trained::new();
    let mut state = trained.state("model.");
    state.push(("loss_function.weight".to_owned(), tensor(1.0)));
    state.push(("model.vit.patch_embedding.cls_token".to_owned(), tensor(2.0)));
    let said = trained.convert("beside", &Saved::dict([("state_dict", Saved::Dict(state))]), &[]);
    for name in ["loss_function.weight", "model.vit.patch_embedding.cls_token"] {
        assert!(said.contains(name), "{said}");
    }

    // A student and a teacher: the student is taken, and the teacher on request.
    let zeros = |prefix: &str| -> Vec<(String, Saved)> {
        let zero = |saved| match saved {
            Saved::Tensor(shape, values) => Saved::Tensor(shape, vec![0.0; values.len()]),
            other => other,
        };
        let state = trained.state(prefix).into_iter();
        state.map(|(name, saved)| (name, zero(saved))).collect()
    };
    let together = [zeros("teacher."), trained.state("student.")].concat();
    let together = Saved::dict([("state_dict", Saved::Dict(together))]);
    let said = trained.convert("student and teacher", &together, &[]);
    assert!(said.contains("taken: state_dict.student"), "{said}");
    assert!(said.contains("state_dict.teacher, which --part"), "{said}");
    let apart = Saved::dict([
        ("ema", Saved::dict([("module", Saved::Dict(zeros("")))])),
        ("model", Saved::Dict(trained.state("module."))),
    ]);
    let said = trained.convert("network and average", &apart, &[]);
    assert!(said.contains("taken: model; the file also holds ema.module"), "{said}");
    let turned = Saved::dict([
        ("teacher_state_dict", Saved::Dict(trained.state(""))),
        ("student_state_dict", Saved::Dict(zeros(""))),
    ]);
    trained.convert("teacher", &turned, &["--part", "teacher_state_dict"]);
    let file = trained.write("turned.pt", &turned);
    let out = path(trained.folder.path(), "none.safetensors");
    let said = refuse(&["convert", &file, &out, "--part", "ema"]);
    assert!(said.contains("student_state_dict, teacher_state_dict"), "{said}");
}

#[test]
fn a_checkpoint_that_calls_functions_is_refused() {
    let trained = Trained::new();
    for (module, name) in [("posix", "system"), ("shutil", "rmtree"), ("subprocess", "Popen")] {
        let hostile = Saved::dict([
            ("state_dict", Saved::Dict(trained.state(""))),
            ("extra", Saved::Call(module, name)),
        ]);
        let file = trained.write("hostile.pt", &hostile);
        let out = path(trained.folder.path(), "hostile.safetensors");
        let said = refuse(&["convert", &file, &out]);
        assert!(said.contains(&format!("asks to run {module}.{name}")), "{said}");
        assert!(!Path::new(&out).exists());
    }
}

#[test]
fn checkpoints_are_taken_where_weights_are_or_the_way_out_is_named() {
    let trained = Trained::new();
    let folder = trained.folder.path();
    let plain = Saved::dict([("state_dict", Saved::Dict(trained.state("module.")))]);
    let file = trained.write("plain.pt", &plain);

    // It does not tell how to use it.
    let input = path(folder, "phantom/imagesTs");
    let said = refuse(&predict(&file, &input, &path(folder, "predicted")));
    for part in ["unetr", "3 classes", "core convert", "--heads", "--patch"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let said = succeed(&["info", &file]);
    assert!(said.contains("3 classes") && said.contains("core convert"), "{said}");

    // A run's settings tell: the same run from both files.
    let runs = [("from-ours", &trained.weights), ("from-theirs", &file)].map(|(name, start)| {
        let out = path(folder, name);
        let more = ["--medcontext", "off", "--start", start];
        succeed(&[&train(&trained.data, &out)[..], &more].concat());
        let bytes = fs::read(format!("{out}/last.safetensors")).expect("weights");
        // The header tells which cases the weights saw, which the checkpoint does not know.
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
        bytes[8 + length as usize..].to_vec()
    });
    assert!(runs[0] == runs[1], "one start gives one run");

    // Unless part of it would be ignored.
    let mut state = trained.state("");
    state.push(("vit.patch_embedding.cls_token".to_owned(), tensor(0.0)));
    let more = trained.write("more.pt", &Saved::Dict(state));
    let out = path(folder, "more");
    let said = refuse(&[&train(&trained.data, &out)[..], &["--start", &more]].concat());
    assert!(said.contains("vit.patch_embedding.cls_token"), "{said}");
    assert!(said.contains("core convert"), "{said}");

    // Names of classes can be given, too.
    let named = path(folder, "named.safetensors");
    let names = ["--names", "left lung,right lung"];
    succeed(&[&["convert", &file, &named][..], &TOLD, &names].concat());
    let said = succeed(&["info", &named]);
    assert!(said.contains("1 left lung, 2 right lung"), "{said}");
    let few = [&["convert", &file, &named, "--force"][..], &TOLD, &["--names", "liver"]].concat();
    assert!(refuse(&few).contains("2 classes beside the background and 1 names"));
}

/// The two networks that a refusal tells apart, and the way out that it offers.
fn networks(said: &str) -> (String, String) {
    let (_, sides) = said.split_once("belong to ").expect("a network");
    let (found, rest) = sides.split_once(", not to ").expect("another");
    let (expected, remedy) = rest.split_once("; choose ").expect("a way out");
    assert_ne!(found, expected, "{said}");
    (format!("{found} {expected}"), remedy.to_owned())
}

#[test]
fn networks_that_do_not_fit_are_told_apart() {
    let trained = Trained::new();
    let folder = trained.folder.path();
    let plain = trained.write("plain.pt", &Saved::Dict(trained.state("")));
    let five = path(folder, "five.safetensors");
    succeed(&[&["convert", &plain, &five, "--classes", "5"][..], &TOLD].concat());
    let out = path(folder, "other");
    let start = |weights: &str, size: &str, patch: &str| {
        let mut arguments = train(&trained.data, &out);
        for (option, value) in [("--size", size), ("--patch", patch)] {
            let at = arguments.iter().position(|given| *given == option);
            arguments[at.expect("the option") + 1] = value;
        }
        refuse(&[&arguments[..], &["--medcontext", "off", "--start", weights]].concat())
    };
    // Another number of classes.
    let (sides, remedy) = networks(&start(&five, "tiny", "16,16,16"));
    assert!(sides.contains("5 classes") && sides.contains("3 classes"), "{sides}");
    assert!(
        remedy.contains("--new-head") && remedy.contains("core convert --classes 3"),
        "{remedy}"
    );
    // Another size: of this program's file and of a foreign one.
    for weights in [&trained.weights, &plain] {
        let (sides, remedy) = networks(&start(weights, "small", "16,16,16"));
        assert!(sides.contains("unetr small"), "{sides}");
        if weights == &trained.weights {
            assert!(sides.contains("unetr tiny"), "{sides}");
            assert!(remedy.contains("--size tiny"), "{remedy}");
        }
    }
    // Another patch.
    let (_, remedy) = networks(&start(&trained.weights, "tiny", "32,16,16"));
    assert!(remedy.contains("--patch 16,16,16"), "{remedy}");
    let said = start(&plain, "tiny", "32,16,16");
    assert!(said.contains("are for 1 tokens"), "{said}");
    // Only the number of heads differs, which neither names nor sizes tell.
    let three = path(folder, "three.safetensors");
    let told = ["--heads", "3", "--patch", "16,16,16"];
    succeed(&[&["convert", &plain, &three][..], &told].concat());
    let config = path(folder, "heads.toml");
    let network = "[network]\nkind = \"unetr\"\nhidden = 96\nmlp = 384\nheads = 2\nlayers = 12\n\
                   feature = 8\nprojection = \"perceptron\"\nconv_block = true\nres_block = true\n";
    fs::write(&config, network).expect("written");
    let run = ["train", "--data", &trained.data, "--out", &out, "--config", &config];
    let short = ["--patch", "16,16,16", "--iterations", "1", "--medcontext", "off"];
    let arguments = [&run[..], &short, &["--start", &three]].concat();
    let (sides, _) = networks(&refuse(&arguments));
    assert!(sides.contains("heads 3") && sides.contains("heads 2"), "{sides}");
}

#[test]
fn an_encoder_alone_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let encoder = Saved::dict([
        ("module.layers1.0.blocks.0.norm1.weight", tensor(1.0)),
        ("module.patch_embed.proj.weight", tensor(1.0)),
    ]);
    let file = path(folder.path(), "encoder.pt");
    fs::write(&file, encoder.to_bytes()).expect("written");
    let out = path(folder.path(), "out.safetensors");
    let said = refuse(&["convert", &file, &out]);
    assert!(said.contains("none of the networks known here"), "{said}");
    assert!(said.contains("module.layers1.0.blocks.0.norm1.weight"), "{said}");
    let output = core(&["info", &file]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
}

fn tensor(value: f32) -> Saved {
    Saved::Tensor(vec![2], vec![value; 2])
}

fn object(module: &'static str, name: &'static str, attributes: Saved) -> Saved {
    Saved::Object(module, name, Box::new(attributes))
}

/// The network as `torch.save(model)` writes it: modules within modules.
fn whole_module(tensors: &[(String, Saved)]) -> Saved {
    let (mut own, mut inner) = (Vec::new(), Vec::<(String, Vec<(String, Saved)>)>::new());
    for (name, tensor) in tensors {
        match name.split_once('.') {
            None => own.push((name.clone(), tensor.clone())),
            Some((first, rest)) => {
                let entry = (rest.to_owned(), tensor.clone());
                match inner.iter_mut().find(|(name, _)| name == first) {
                    Some((_, entries)) => entries.push(entry),
                    None => inner.push((first.to_owned(), vec![entry])),
                }
            }
        }
    }
    let inner = inner.into_iter().map(|(name, tensors)| (name, whole_module(&tensors)));
    object(
        "monai.networks.nets.unetr",
        "UNETR",
        Saved::dict([
            ("training", Saved::Int(0)),
            ("_parameters", Saved::Dict(own)),
            ("_buffers", Saved::Dict(Vec::new())),
            ("_modules", Saved::Dict(inner.collect())),
        ]),
    )
}
