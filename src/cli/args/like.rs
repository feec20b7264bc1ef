//! Search by example: crops of images in place of words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::read_picture;
use crate::raster::{Rect, Scene, SceneOptions, Storage};
use crate::search::{Example, ExampleOf};

/// `FILE` or `FILE,x,y,width,height`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Like {
    path: PathBuf,
    place: Option<Rect>,
}

/// Why a text names no crop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LikeError {
    #[error("name a file")]
    NoFile,
    #[error("the place has no pixels; write FILE,x,y,width,height")]
    NoPixels,
}

impl std::str::FromStr for Like {
    type Err = LikeError;

    fn from_str(text: &str) -> Result<Self, LikeError> {
        if text.is_empty() {
            return Err(LikeError::NoFile);
        }
        let parts: Vec<&str> = text.rsplitn(5, ',').collect();
        let numbers: Vec<u32> =
            parts.iter().take(4).rev().filter_map(|part| part.trim().parse().ok()).collect();
        // A name may hold commas itself.
        let (&[x, y, width, height], Some(path)) = (&numbers[..], parts.get(4)) else {
            return Ok(Self { path: text.into(), place: None });
        };
        if width == 0 || height == 0 {
            return Err(LikeError::NoPixels);
        }
        Ok(Self { path: path.into(), place: Some(Rect::new(x, y, width, height)) })
    }
}

impl Like {
    /// The image that it is, or lies in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What keywords call @1, @2…: the crops in the order in which they were given.
    ///
    /// # Errors
    /// When an image can't be read, or the place is not in it.
    pub fn examples(likes: &[Self]) -> anyhow::Result<Vec<Example>> {
        let example = |(index, like): (usize, &Self)| {
            let picture = like.picture()?;
            Ok(Example { name: (index + 1).to_string(), of: ExampleOf::Picture(Arc::new(picture)) })
        };
        likes.iter().enumerate().map(example).collect()
    }

    fn picture(&self) -> anyhow::Result<crate::raster::Pixels> {
        let Some(place) = self.place else { return Ok(read_picture(&self.path)?) };
        let scene = Scene::open_with(
            &self.path,
            &SceneOptions::from(&Storage::with_user_cache(Storage::DEFAULT_MEMORY)),
        )?;
        let (width, height) = scene.size();
        let inside = Rect::new(
            place.x,
            place.y,
            place.width.min(width.saturating_sub(place.x)),
            place.height.min(height.saturating_sub(place.y)),
        );
        if inside.width == 0 || inside.height == 0 {
            anyhow::bail!(
                "{} has {width} x {height} pixels, so there is nothing at {}, {}",
                self.path.display(),
                place.x,
                place.y
            );
        }
        let scale = (f64::from(MOST_SIDE) / f64::from(inside.width.max(inside.height))).min(1.0);
        let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
        Ok(scene.read_scaled(inside, side(inside.width), side(inside.height))?)
    }
}

/// A crop with more pixels a side is averaged down on the way in; a model sees far fewer.
const MOST_SIDE: u32 = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_followed_by_a_place() {
        let like = |text: &str| text.parse::<Like>();
        assert_eq!(like("a.png"), Ok(Like { path: "a.png".into(), place: None }));
        let place = Some(Rect::new(1, 2, 30, 40));
        assert_eq!(like("a.png,1,2,30,40"), Ok(Like { path: "a.png".into(), place }));
        assert_eq!(like("a,b.png,1,2,30,40"), Ok(Like { path: "a,b.png".into(), place }));
        assert_eq!(like("a,b.png"), Ok(Like { path: "a,b.png".into(), place: None }));
        assert!(like("a.png,1,2,0,40").is_err());
    }
}
