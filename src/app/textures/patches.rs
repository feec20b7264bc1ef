//! The picture of the scene: textures of patches, drawn coarse first and fine when they are read.

use std::collections::HashSet;
use std::sync::Arc;

use eframe::egui::epaint::Mesh;
use eframe::egui::{
    Color32, Context, Painter, Rect, Shape, TextureFilter, TextureHandle, TextureOptions, pos2,
};

use super::cache::ByteCache;
use super::grid::{PATCH_SIDE, PatchKey, covering, level_for_scale, top_level};
use super::loader::{LoadedPatch, PatchError, PatchLoader};
use crate::app::viewport::camera::Camera;
use crate::scan::SceneSource;

/// Of a whole patch.
const PATCH_BYTES: usize = PATCH_SIDE as usize * PATCH_SIDE as usize * 4;
/// Patches uploaded a frame at most: 2 MiB, so that a frame stays short.
const UPLOADS_PER_FRAME: usize = 8;

/// A piece of the picture, and the rendering it was made in.
struct Patch {
    generation: u64,
    texture: TextureHandle,
    /// Whether nothing shines through.
    opaque: bool,
}

/// The textures of one scene.
pub struct Patches {
    scene: (u32, u32),
    loader: PatchLoader,
    textures: ByteCache<PatchKey, Patch>,
    /// Counts the renderings; a patch of an older one is shown until its place is read anew.
    generation: u64,
    /// Patches that cannot be read; they are not asked for again.
    broken: HashSet<PatchKey>,
    error: Option<PatchError>,
    complete: bool,
}

impl Patches {
    #[must_use]
    pub fn new(source: &Arc<dyn SceneSource>, ctx: &Context, texture_bytes: usize) -> Self {
        let waker = ctx.clone();
        Self {
            scene: source.size(),
            loader: PatchLoader::new(source, move || waker.request_repaint()),
            textures: ByteCache::new(texture_bytes),
            generation: 0,
            broken: HashSet::new(),
            error: None,
            complete: false,
        }
    }

    /// Shows the scene in another rendering from now on; what is on the screen stays until that is read.
    pub fn set_source(&mut self, source: &Arc<dyn SceneSource>) {
        self.generation += 1;
        self.loader.set_source(self.generation, source);
        self.broken.clear();
        self.complete = false;
    }

    /// Whether a patch is there in the present rendering.
    fn fresh(&self, key: PatchKey) -> bool {
        self.textures.peek(&key).is_some_and(|patch| patch.generation == self.generation)
    }

    /// Draws what `view` shows and asks for what is missing. `ground` draws what is to be seen under a place
    /// of the screen where the picture lets it through.
    pub fn show(&mut self, painter: &Painter, view: Rect, camera: &Camera, mut ground: impl FnMut(Rect)) {
        self.textures.next_frame();
        self.upload(painter.ctx());
        self.complete = true;
        let Some(visible) = camera.visible(view, self.scene) else { return };
        let level = level_for_scale(camera.scale * f64::from(painter.pixels_per_point()), self.scene);
        let top = PatchKey { level: top_level(self.scene), column: 0, row: 0 };
        let mut wanted = Vec::new();
        // The coarsest patch is the one to fall back on anywhere: read first, never forgotten.
        if self.textures.get(&top).is_none() && !self.broken.contains(&top) {
            wanted.push(top);
        }
        for key in covering(level, visible, self.scene, 0) {
            // Only there: a software renderer takes as long for what is painted over.
            if !self.textures.peek(&key).is_some_and(|patch| patch.opaque)
                && let Some(place) = key.rect(self.scene)
            {
                ground(camera.rect_to_screen(view, place));
            }
            let drawn = self.draw(painter, view, camera, key, key);
            if drawn && self.fresh(key) {
                continue;
            }
            if !drawn {
                self.draw_substitute(painter, view, camera, key);
            }
            if !self.broken.contains(&key) {
                self.complete = false;
                if !wanted.contains(&key) {
                    wanted.push(key);
                }
            }
        }
        // A ring around the view, last in line, makes panning smooth; more than is kept would be read without
        // end.
        let around = covering(level, visible, self.scene, 1);
        let kept = self.textures.budget() / PATCH_BYTES;
        for key in around.into_iter().take(kept) {
            if !self.fresh(key) && !self.broken.contains(&key) && !wanted.contains(&key) {
                wanted.push(key);
            }
        }
        // An old one will do for a fallback until all else is there.
        if !self.fresh(top) && !self.broken.contains(&top) && !wanted.contains(&top) {
            wanted.push(top);
        }
        // Until the coarsest one is there, nothing else takes time from it.
        let alone = wanted.first() == Some(&top) && self.textures.peek(&top).is_none();
        self.loader.request(if alone { &wanted[..1] } else { &wanted });
    }

    /// Whether the last frame showed every patch at its own level (or as well as the file allows).
    #[must_use]
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Why a part of the scene could not be read; told once.
    pub fn take_error(&mut self) -> Option<PatchError> {
        self.error.take()
    }

    fn upload(&mut self, ctx: &Context) {
        for _ in 0..UPLOADS_PER_FRAME {
            let Some(LoadedPatch { key, generation, picture }) = self.loader.next_ready() else { return };
            match picture {
                // While somebody drags a control, each picture is older than the control, but newer than
                // none.
                Ok(_) if self.textures.peek(&key).is_some_and(|patch| patch.generation > generation) => {}
                Ok(picture) => {
                    let bytes = picture.pixels.len() * 4;
                    let opaque = picture.pixels.iter().all(Color32::is_opaque);
                    let texture = ctx.load_texture("patch", picture, texture_options(key.level));
                    self.textures.insert(key, Patch { generation, texture, opaque }, bytes);
                }
                Err(_) if generation != self.generation => {}
                Err(error) => {
                    if self.broken.is_empty() {
                        self.error = Some(error);
                    }
                    self.broken.insert(key);
                }
            }
        }
        ctx.request_repaint();
    }

    /// Draws the place of `key` from the texture of `from`, which shows it too. False when that is not there.
    fn draw(
        &mut self,
        painter: &Painter,
        view: Rect,
        camera: &Camera,
        key: PatchKey,
        from: PatchKey,
    ) -> bool {
        let Some(Patch { texture, .. }) = self.textures.get(&from) else { return false };
        let (Some(place), Some(source)) = (key.rect(self.scene), from.rect(self.scene)) else { return false };
        let along = |at: u32, start: u32, length: u32| part(at - start, length);
        let uv = Rect::from_min_max(
            pos2(along(place.x, source.x, source.width), along(place.y, source.y, source.height)),
            pos2(
                along(place.right(), source.x, source.width),
                along(place.bottom(), source.y, source.height),
            ),
        );
        // A plain mesh: egui would soften the edges of a rectangle shape, and seams would show.
        let mut mesh = Mesh::with_texture(texture.id());
        mesh.add_rect_with_uv(camera.rect_to_screen(view, place), uv, Color32::WHITE);
        painter.add(Shape::mesh(mesh));
        true
    }

    /// Draws the place of a missing patch from the next coarser one at hand, and from finer ones above it.
    fn draw_substitute(&mut self, painter: &Painter, view: Rect, camera: &Camera, key: PatchKey) {
        let top = top_level(self.scene);
        let mut from = key;
        while from.level < top {
            from = from.parent();
            if self.draw(painter, view, camera, key, from) {
                break;
            }
        }
        for child in key.children().into_iter().flatten() {
            self.draw(painter, view, camera, child, child);
        }
    }
}

/// Single pixels of the scene stay sharp when they are magnified; a coarse patch that stands in for a finer
/// one is smoothed.
fn texture_options(level: u8) -> TextureOptions {
    let magnification = if level == 0 { TextureFilter::Nearest } else { TextureFilter::Linear };
    TextureOptions { magnification, ..TextureOptions::LINEAR }
}

fn part(offset: u32, length: u32) -> f32 {
    (f64::from(offset) / f64::from(length.max(1))) as f32
}
