//! Parameter names in MONAI's blocks, which UNETR and SwinUNETR share.

/// MONAI 1.5's name for the parameter at `path`, as far as its blocks go.
pub(super) fn block_name(path: &str) -> String {
    let mut name = path.replace(".gamma", ".weight").replace(".beta", ".bias");
    for conv in ["conv1", "conv2", "conv3", "transp_conv", "transp_conv_init"] {
        name = name.replace(&format!(".{conv}.weight"), &format!(".{conv}.conv.weight"));
    }
    match name.strip_prefix("out.") {
        Some(parameter) => format!("out.conv.conv.{parameter}"),
        None => name,
    }
}

/// Names inside one of MONAI's encoders, `UnetrBasicBlock`s that wrap their convolutions.
pub(super) fn wrapped_encoder(name: &str, encoder: &str) -> String {
    match name.strip_prefix(encoder).and_then(|rest| rest.strip_prefix('.')) {
        Some(rest) => format!("{encoder}.layer.{rest}"),
        None => name.to_owned(),
    }
}
