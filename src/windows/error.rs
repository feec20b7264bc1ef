//! What can be wrong with a grid or with a region.

use std::io;
use std::path::PathBuf;

use super::grid::GridSettings;

/// Why no windows can be laid over a scene.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error("a tile of {tile} pixels is too small; use {} or more", GridSettings::MIN_TILE)]
    SmallTile { tile: u32 },
    #[error("window and step must be 1 tile or more")]
    NoTiles,
    #[error("the scene has no pixels")]
    NoPixels,
    #[error(
        "{windows} windows are too many for one scan; use a larger tile or step, or scan a part of the scene"
    )]
    TooManyWindows { windows: usize },
    #[error("the region lies outside of the scene")]
    OutsideScene,
}

/// Why a region can't be found on a scene.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    #[error("--bounds: {0}")]
    Bounds(String),
    #[error("--bounds is taken as pixels, of which the image has {width} x {height}, since {why}")]
    BoundsInPixels { width: u32, height: u32, why: String },
    #[error("cannot read the region in {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {reason}", path.display())]
    GeoJson { path: PathBuf, reason: String },
}
