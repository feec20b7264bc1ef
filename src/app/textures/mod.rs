//! The textures of the open scene.
//!
//! `patches` draws the scene from squares of `grid`, coarse first and fine when they are read. `thumbnails`
//! has the small pictures of detections. Both read by the threads of `loader` and keep textures within the
//! budget of a `cache`.

pub mod cache;
pub mod grid;
pub mod loader;
pub mod patches;
pub mod thumbnails;

use std::sync::Arc;

use eframe::egui::Context;

use crate::scan::SceneSource;
use patches::Patches;
use thumbnails::Thumbnails;

/// All textures of one scene.
pub struct SceneTextures {
    patches: Patches,
    thumbnails: Thumbnails,
}

impl SceneTextures {
    /// `texture_bytes` is the budget of the patches.
    #[must_use]
    pub fn new(source: &Arc<dyn SceneSource>, ctx: &Context, texture_bytes: usize) -> Self {
        Self { patches: Patches::new(source, ctx, texture_bytes), thumbnails: Thumbnails::new(source, ctx) }
    }

    /// Shows the scene with other display settings from now on.
    pub fn set_source(&mut self, source: &Arc<dyn SceneSource>) {
        self.patches.set_source(source);
        self.thumbnails.set_source(source);
    }

    /// Reads the patches anew, for example since there are overviews now.
    pub fn reload_patches(&mut self, source: &Arc<dyn SceneSource>) {
        self.patches.set_source(source);
    }

    pub fn patches(&mut self) -> &mut Patches {
        &mut self.patches
    }

    pub fn thumbnails(&mut self) -> &mut Thumbnails {
        &mut self.thumbnails
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
