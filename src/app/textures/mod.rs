//! The textures of the open scene.
//!
//! `patches` draws the scene from squares of `grid`, coarse first and fine when they are read. `thumbnails`
//! has the small pictures of detections, also as the network of `sharpened` shows them. All are read by the
//! threads of a `loader` and kept as textures within the budget of a `cache`.

pub mod cache;
pub mod grid;
pub mod loader;
pub mod patches;
mod sharpened;
pub mod thumbnails;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui::Context;

use crate::scan::SceneSource;
use patches::Patches;
use sharpened::SharpenedScene;
use thumbnails::Thumbnails;

/// All textures of one scene.
pub struct SceneTextures {
    patches: Patches,
    thumbnails: Thumbnails,
    /// The network that sharpens, if there is one, and pictures as it enlarges them.
    sharpened: Option<(PathBuf, Thumbnails)>,
}

impl SceneTextures {
    /// `texture_bytes` is the budget of the patches, `sharpener` the file of the network that sharpens.
    #[must_use]
    pub fn new(
        source: &Arc<dyn SceneSource>,
        ctx: &Context,
        texture_bytes: usize,
        sharpener: Option<&Path>,
    ) -> Self {
        let sharpened = sharpener
            .map(|path| (path.to_owned(), Thumbnails::new(&SharpenedScene::source(source, path), ctx)));
        let patches = Patches::new(source, ctx, texture_bytes);
        Self { patches, thumbnails: Thumbnails::new(source, ctx), sharpened }
    }

    /// Shows the scene with other display settings from now on.
    pub fn set_source(&mut self, source: &Arc<dyn SceneSource>) {
        self.patches.set_source(source);
        self.thumbnails.set_source(source);
        if let Some((path, pictures)) = &mut self.sharpened {
            pictures.set_source(&SharpenedScene::source(source, path));
        }
    }

    /// Reads the patches anew, for example since there are overviews now.
    pub fn reload_patches(&mut self, source: &Arc<dyn SceneSource>) {
        self.patches.set_source(source);
    }

    pub fn patches(&mut self) -> &mut Patches {
        &mut self.patches
    }

    /// Begins a frame that shows small pictures.
    pub fn begin_pictures(&mut self, ctx: &Context) {
        self.thumbnails.begin(ctx);
        if let Some((_, pictures)) = &mut self.sharpened {
            pictures.begin(ctx);
        }
    }

    /// Ends it: what is missing is read.
    pub fn end_pictures(&mut self) {
        self.thumbnails.end();
        if let Some((_, pictures)) = &mut self.sharpened {
            pictures.end();
        }
    }

    pub fn thumbnails(&mut self) -> &mut Thumbnails {
        &mut self.thumbnails
    }

    /// The pictures as the network shows them, if there is one.
    pub fn sharpened(&mut self) -> Option<&mut Thumbnails> {
        self.sharpened.as_mut().map(|(_, pictures)| pictures)
    }

    /// Whether the last frame showed every patch in sight.
    #[must_use]
    pub fn patches_complete(&self) -> bool {
        self.patches.complete()
    }

    /// Whether the last frame showed every thumbnail in sight.
    #[must_use]
    pub fn thumbnails_complete(&self) -> bool {
        self.thumbnails.complete()
    }
}
