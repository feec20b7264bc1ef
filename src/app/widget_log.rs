//! Where everything in the window lies, for tests that use it with a mouse and a keyboard as a person does.
//!
//! It is what screen readers are told: what can't be found there by its name, they can't find either. The
//! variable `SKYSIFT_WIDGET_LOG` names a file, which each frame that changes something writes anew.

use std::collections::HashMap;
use std::path::PathBuf;

use eframe::egui::accesskit::{Node, NodeId, TreeUpdate};
use eframe::egui::{Context, FullOutput, Plugin};
use serde::Serialize;

use crate::atomic::write_bytes;

/// Names the file.
const VARIABLE: &str = "SKYSIFT_WIDGET_LOG";

/// Writes a list of [`Widget`]s as JSON.
pub struct WidgetLog {
    path: PathBuf,
    /// What was written last.
    written: String,
}

#[derive(Serialize)]
struct Widget<'a> {
    /// "Button", "`ComboBox`"…
    role: String,
    label: &'a str,
    value: &'a str,
    /// Left, top, right and bottom in pixels of the window.
    rect: [f64; 4],
    focused: bool,
    disabled: bool,
}

impl WidgetLog {
    /// Begins to write, if the environment asks for it.
    pub fn start(ctx: &Context) {
        if let Some(path) = std::env::var_os(VARIABLE) {
            ctx.enable_accesskit();
            ctx.add_plugin(Self { path: path.into(), written: String::new() });
        }
    }
}

impl Plugin for WidgetLog {
    fn debug_name(&self) -> &'static str {
        "widget log"
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        let Some(update) = &output.platform_output.accesskit_update else { return };
        let Ok(text) = serde_json::to_string(&widgets(update, ctx.pixels_per_point().into())) else { return };
        if text == self.written {
            return;
        }
        // Whoever reads must never see half of it.
        match write_bytes(&self.path, text.as_bytes()) {
            Ok(()) => self.written = text,
            Err(error) => log::error!("cannot write {}: {error}", self.path.display()),
        }
    }
}

/// What is on the screen, from the top to the bottom.
fn widgets(update: &TreeUpdate, pixels_per_point: f64) -> Vec<Widget<'_>> {
    let nodes: HashMap<NodeId, &Node> = update.nodes.iter().map(|(id, node)| (*id, node)).collect();
    let label_of = |node: &Node| node.labelled_by().iter().find_map(|id| nodes.get(id)).copied();
    let mut widgets: Vec<Widget> = update
        .nodes
        .iter()
        .filter_map(|(id, node)| {
            let bounds = node.bounds()?;
            let label =
                node.label().or_else(|| label_of(node).and_then(|label| label.label().or(label.value())));
            Some(Widget {
                role: format!("{:?}", node.role()),
                label: label.unwrap_or_default(),
                value: node.value().unwrap_or_default(),
                rect: [bounds.x0, bounds.y0, bounds.x1, bounds.y1].map(|side| side * pixels_per_point),
                focused: *id == update.focus,
                disabled: node.is_disabled(),
            })
        })
        .collect();
    widgets.sort_by(|a, b| a.rect[1].total_cmp(&b.rect[1]).then(a.rect[0].total_cmp(&b.rect[0])));
    widgets
}
