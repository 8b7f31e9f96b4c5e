//! `core verify`: whether a device computes what the CPU does.

use clap::Args;
use futures::executor::block_on;

use super::console::{Console, print_line};
use super::{Failure, Outcome};
use crate::backbone::Backbone;
use crate::device::{DeviceKind, open};
use crate::train::Agreement;

#[derive(Args)]
pub(super) struct Arguments {
    /// The device to compare with the CPU: wgpu, cuda or cuda:N.
    #[arg(long)]
    device: DeviceKind,
    /// Only this network; all of them without it.
    #[arg(long)]
    backbone: Option<Backbone>,
    /// Print JSON, a line for each network.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let device = block_on(open(arguments.device))?;
    let cpu = block_on(open(DeviceKind::Cpu))?;
    console.say(format!(
        "{} beside the CPU, in the smallest size of each network:",
        device.description
    ));
    let mut wrong = Vec::new();
    for backbone in Backbone::ALL
        .into_iter()
        .filter(|one| arguments.backbone.is_none_or(|only| only == *one))
    {
        let found = block_on(Agreement::of(backbone, &device.device, &cpu.device))?;
        match arguments.json {
            true => print_line(&serde_json::json!({ "agrees": found.holds(), "found": found }).to_string()),
            false => console.say(line(&found)),
        }
        if !found.holds() {
            wrong.push(backbone.title());
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let [logits, gradients, losses] = Agreement::TOLERANCE;
    Err(Failure::Message(format!(
        "{} computes {} otherwise than the CPU (more than {logits:e} of the logits, {gradients:e} of the gradients or \
         {losses:e} of a loss): update its driver, or use another device",
        device.description,
        wrong.join(", ")
    )))
}

fn line(found: &Agreement) -> String {
    let [depth, height, width] = found.patch;
    format!(
        "{:<11} {depth}×{height}×{width}: logits {:.1e}, gradients {:.1e}, losses of three steps {:.1e}; a step takes \
         {:.2} s, on the CPU {:.2} s{}",
        found.backbone.title(),
        found.logits,
        found.gradients,
        found.losses,
        found.seconds,
        found.cpu_seconds,
        if found.holds() { "" } else { ": NOT THE SAME" }
    )
}
