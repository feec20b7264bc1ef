//! Small pictures of windows, for the gallery: read by other threads, kept as textures within a budget.

use std::collections::HashSet;
use std::sync::Arc;

use eframe::egui::{Context, TextureHandle, TextureOptions};

use super::cache::ByteCache;
use super::loader::{LoadedPatch, PatchLoader, Piece};
use crate::raster::Rect;
use crate::scan::SceneSource;

/// The longer side of a picture, in pixels.
pub const SIDE: u32 = 160;
/// Memory of all textures, in bytes: about 600 pictures.
const TEXTURE_BUDGET: usize = 64 << 20;
/// Pictures uploaded a frame at most: under 1 MiB, so that a frame stays short.
const UPLOADS_PER_FRAME: usize = 8;

/// A window whose picture is wanted, in level-0 pixels. The part of it in the scene is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ThumbnailKey(Rect);

impl Piece for ThumbnailKey {
    fn place(self, scene: (u32, u32)) -> Option<Rect> {
        let Rect { x, y, .. } = self.0;
        let (right, bottom) = (self.0.right().min(scene.0), self.0.bottom().min(scene.1));
        (x < right && y < bottom).then(|| Rect::new(x, y, right - x, bottom - y))
    }

    fn size(self, scene: (u32, u32)) -> Option<(u32, u32)> {
        let place = self.place(scene)?;
        let longest = place.width.max(place.height);
        if longest <= SIDE {
            return Some((place.width, place.height));
        }
        let shrink = |length: u32| {
            let side = u64::from(length) * u64::from(SIDE) / u64::from(longest);
            u32::try_from(side).unwrap_or(SIDE).max(1)
        };
        Some((shrink(place.width), shrink(place.height)))
    }
}

struct Picture {
    generation: u64,
    texture: TextureHandle,
}

/// The pictures of one scene.
pub struct Thumbnails {
    loader: PatchLoader<ThumbnailKey>,
    textures: ByteCache<ThumbnailKey, Picture>,
    /// Counts the renderings, as patches do.
    generation: u64,
    /// What cannot be read; it is not asked for again.
    broken: HashSet<ThumbnailKey>,
    wanted: Vec<ThumbnailKey>,
}

impl Thumbnails {
    #[must_use]
    pub fn new(source: &Arc<dyn SceneSource>, ctx: &Context) -> Self {
        let waker = ctx.clone();
        Self {
            loader: PatchLoader::new(source, move || waker.request_repaint()),
            textures: ByteCache::new(TEXTURE_BUDGET),
            generation: 0,
            broken: HashSet::new(),
            wanted: Vec::new(),
        }
    }

    /// Shows another rendering from now on.
    pub fn set_source(&mut self, source: &Arc<dyn SceneSource>) {
        self.generation += 1;
        self.loader.set_source(self.generation, source);
        self.broken.clear();
    }

    /// Begins a frame: takes what was read.
    pub fn begin(&mut self, ctx: &Context) {
        self.textures.next_frame();
        self.wanted.clear();
        for _ in 0..UPLOADS_PER_FRAME {
            let Some(LoadedPatch { key, generation, picture }) = self.loader.next_ready() else { return };
            match picture {
                // Older than what is there, or an error of a rendering that is gone.
                Ok(_) if self.textures.peek(&key).is_some_and(|known| known.generation > generation) => {}
                Err(_) if generation != self.generation => {}
                Ok(picture) => {
                    let bytes = picture.pixels.len() * 4;
                    let texture = ctx.load_texture("thumbnail", picture, TextureOptions::LINEAR);
                    self.textures.insert(key, Picture { generation, texture }, bytes);
                }
                Err(error) => {
                    log::debug!("a picture for the gallery cannot be read: {error}");
                    self.broken.insert(key);
                }
            }
        }
        ctx.request_repaint();
    }

    /// The picture of a window, if it is there; else it is asked for. One in an older rendering stands in.
    pub fn get(&mut self, window: Rect) -> Option<&TextureHandle> {
        let key = ThumbnailKey(window);
        let fresh = self.textures.peek(&key).is_some_and(|picture| picture.generation == self.generation);
        if !fresh && !self.broken.contains(&key) {
            self.wanted.push(key);
        }
        self.textures.get(&key).map(|picture| &picture.texture)
    }

    /// Whether every picture that the last frame showed was there.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Ends a frame: asks for what is missing. What was asked for before and is out of sight is dropped.
    pub fn end(&mut self) {
        self.loader.request(&self.wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_stay_small() {
        let scene = (1000, 800);
        let crop = |x, y, width, height| ThumbnailKey(Rect::new(x, y, width, height));
        assert_eq!(crop(0, 0, 100, 50).size(scene), Some((100, 50)));
        assert_eq!(crop(0, 0, 640, 320).size(scene), Some((160, 80)));
        assert_eq!(crop(900, 700, 640, 640).place(scene), Some(Rect::new(900, 700, 100, 100)));
        assert_eq!(crop(0, 0, 1000, 1).size(scene), Some((160, 1)));
        assert_eq!(crop(1000, 0, 9, 9).size(scene), None);
    }
}
