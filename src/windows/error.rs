//! Why windows can't be laid, or a region can't be found.

use std::io;
use std::path::PathBuf;

use super::grid::GridSettings;

/// Why windows can't be laid over a scene.
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

/// Why something isn't an area of a scene.
#[derive(Debug, thiserror::Error)]
pub enum AreaError {
    #[error("an area has a corner that isn't a finite number")]
    NotFinite,
    #[error("an area needs at least three corners that don't lie on one line")]
    Flat,
    #[error("bounds are four numbers: west, south, east, north, with south below north")]
    NotBounds,
    #[error("{lon}, {lat} is no longitude and latitude in degrees")]
    NotDegrees { lon: f64, lat: f64 },
    #[error("longitude {lon}, latitude {lat} has no place on this scene's map; take a smaller area")]
    OffTheMap { lon: f64, lat: f64 },
    #[error("this isn't GeoJSON: {source}")]
    NotGeoJson { source: serde_json::Error },
    #[error("the GeoJSON is in {crs}; save it in longitude and latitude (EPSG:4326)")]
    OtherCrs { crs: String },
    #[error("the GeoJSON is in longitude and latitude, but this scene has none: {why}")]
    SceneWithoutPlace { why: String },
    #[error("a corner in the GeoJSON has fewer than two coordinates")]
    ShortPosition,
    #[error("the GeoJSON has no polygon; points and lines have no inside to look at")]
    NoPolygon,
}

/// Why a region can't be found on a scene.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    #[error("--bounds: {source}")]
    Bounds { source: AreaError },
    #[error("--bounds is taken as pixels, of which the image has {width} x {height}, since {why}")]
    BoundsInPixels { width: u32, height: u32, why: String },
    #[error("cannot read the region in {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    GeoJson { path: PathBuf, source: AreaError },
}
