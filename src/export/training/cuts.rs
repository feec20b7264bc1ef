//! Which pictures are cut out of scenes, and what lies in each.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::export::record::{Origin, Record, Records, Verdict};
use crate::raster::{Rect, clip};

/// A box at the edge of a tile stays if this part of it is left, or if it fills that part of the tile.
const LEAST: f64 = 0.25;

/// What is cut out of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Cut {
    /// Each box by itself
    Crops,
    /// Squares beside each other, with the boxes in them
    Tiles,
}

/// How a set of pictures is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CutSettings {
    pub cut: Cut,
    /// Side of a tile in pixels, at least 1.
    pub side: u32,
    /// The part of the pictures that is kept for validation, 0 to 1.
    pub validation: f64,
    /// Whether tiles without a box are written, too.
    pub empty: bool,
}

impl Default for CutSettings {
    fn default() -> Self {
        Self { cut: Cut::Tiles, side: 640, validation: 0.1, empty: false }
    }
}

/// A picture that is cut out.
pub(super) struct CutPicture<'a> {
    /// The file's name.
    pub name: String,
    pub origin: Arc<Origin>,
    /// In level-0 pixels.
    pub place: Rect,
    pub boxes: Vec<CutBox<'a>>,
    /// Whether it is kept for validation.
    pub validation: bool,
}

/// Something in a picture, in the picture's pixels.
pub(super) struct CutBox<'a> {
    pub record: &'a Record,
    pub place: Rect,
    /// The corners of what it covers there.
    pub corners: Vec<[f64; 2]>,
}

pub(super) struct Cuts<'a> {
    /// Those of a scene beside each other.
    pub pictures: Vec<CutPicture<'a>>,
}

impl<'a> Cuts<'a> {
    pub fn new(records: &'a Records, settings: &CutSettings) -> Self {
        let scenes = records.scenes();
        let mut pictures = Vec::new();
        for (number, origin) in scenes.iter().enumerate() {
            let stem = stem(&origin.scene, (scenes.len() > 1).then_some(number + 1));
            let own: Vec<&Record> = records
                .list
                .iter()
                .filter(|record| record.origin.scene == origin.scene && record.verdict != Verdict::Rejected)
                .collect();
            match settings.cut {
                Cut::Crops => pictures.extend(crops(&own, &stem, records)),
                Cut::Tiles => pictures.extend(tiles(&own, origin, &stem, settings)),
            }
        }
        keep_for_validation(&mut pictures, settings.validation);
        Self { pictures }
    }
}

/// Every so many-th picture, so that those of each keyword and each part of the scene are among them; one at
/// least of two or more, if any are asked for.
fn keep_for_validation(pictures: &mut [CutPicture], part: f64) {
    let count = pictures.len();
    for (index, picture) in pictures.iter_mut().enumerate() {
        picture.validation = ((index + 1) as f64 * part).floor() > (index as f64 * part).floor();
    }
    let none = part > 0.0 && !pictures.iter().any(|picture| picture.validation);
    if let Some(last) = pictures.last_mut().filter(|_| none && count > 1) {
        last.validation = true;
    }
}

fn crops<'a>(own: &[&'a Record], stem: &str, records: &Records) -> Vec<CutPicture<'a>> {
    let mut crops: Vec<CutPicture> = Vec::new();
    let mut names = HashSet::new();
    for &record in own {
        let Rect { x, y, width, height } = record.place;
        if width == 0 || height == 0 {
            continue;
        }
        let class = records.class(&record.keyword);
        let name = format!("{stem}_k{class}_x{x}_y{y}_w{width}_h{height}.png");
        // The same box twice is one picture.
        if !names.insert(name.clone()) {
            continue;
        }
        crops.push(CutPicture {
            name,
            origin: Arc::clone(&record.origin),
            place: record.place,
            boxes: seen(record, record.place).into_iter().collect(),
            validation: false,
        });
    }
    crops
}

fn tiles<'a>(
    own: &[&'a Record],
    origin: &Arc<Origin>,
    stem: &str,
    settings: &CutSettings,
) -> Vec<CutPicture<'a>> {
    let side = settings.side.max(1);
    let (width, height) = origin.scene_size;
    let mut in_tiles: BTreeMap<(u32, u32), Vec<CutBox>> = BTreeMap::new();
    for &record in own {
        let place = record.place.within((width, height));
        if place.width == 0 || place.height == 0 {
            continue;
        }
        for row in place.y / side..=(place.bottom() - 1) / side {
            for column in place.x / side..=(place.right() - 1) / side {
                let tile = Rect::new(column * side, row * side, side, side).within((width, height));
                if let Some(found) = seen(record, tile) {
                    in_tiles.entry((row, column)).or_default().push(found);
                }
            }
        }
    }
    if settings.empty {
        for row in 0..height.div_ceil(side) {
            for column in 0..width.div_ceil(side) {
                in_tiles.entry((row, column)).or_default();
            }
        }
    }
    let picture = |((row, column), boxes)| {
        let (x, y) = (column * side, row * side);
        CutPicture {
            name: format!("{stem}_x{x}_y{y}.png"),
            origin: Arc::clone(origin),
            place: Rect::new(x, y, side, side).within((width, height)),
            boxes,
            validation: false,
        }
    };
    in_tiles.into_iter().map(picture).collect()
}

/// What a tile shows of a record, if that is enough to know it by.
fn seen(record: &Record, tile: Rect) -> Option<CutBox<'_>> {
    let (left, top) = (record.place.x.max(tile.x), record.place.y.max(tile.y));
    let right = record.place.right().min(tile.right());
    let bottom = record.place.bottom().min(tile.bottom());
    if left >= right || top >= bottom {
        return None;
    }
    let area = |rect: Rect| f64::from(rect.width) * f64::from(rect.height);
    let place = Rect::new(left - tile.x, top - tile.y, right - left, bottom - top);
    if area(place) < LEAST * area(record.place) && area(place) < LEAST * area(tile) {
        return None;
    }
    let corners: Vec<[f64; 2]> =
        record.corners().into_iter().map(|(x, y)| [x - f64::from(tile.x), y - f64::from(tile.y)]).collect();
    let turned = |ring: Vec<[f64; 2]>| ring.into_iter().map(|[x, y]| [y, x]).collect::<Vec<_>>();
    let between = |ring: &[[f64; 2]], end: u32| clip(&clip(ring, 0.0, 1.0), f64::from(end), -1.0);
    let corners = turned(between(&turned(between(&corners, tile.width)), tile.height));
    (corners.len() >= 3).then_some(CutBox { record, place, corners })
}

/// What the pictures of a scene are called by.
fn stem(scene: &str, number: Option<usize>) -> String {
    let stem = Path::new(scene).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let plain = |letter: char| if letter.is_alphanumeric() || "-_".contains(letter) { letter } else { '_' };
    let stem: String = stem.chars().take(60).map(plain).collect();
    match number {
        Some(number) => format!("{number:03}_{stem}"),
        None => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(places: &[(u32, u32, u32, u32)], verdict: Verdict) -> Records {
        let origin = Arc::new(Origin {
            model: "m".to_owned(),
            prompt: "{}".to_owned(),
            tile: None,
            window: None,
            scene: "a/some scene.tif".to_owned(),
            time: String::new(),
            scene_size: (250, 200),
            scene_fingerprint: String::new(),
        });
        let record = |&(x, y, width, height): &(u32, u32, u32, u32)| Record {
            keyword: "harbor".to_owned(),
            rank: Some(1),
            score: None,
            probability: None,
            cosine: None,
            place: Rect::new(x, y, width, height),
            lon_lat: None,
            nodata: 0.0,
            area_m2: None,
            outline: None,
            footprint: None,
            verdict,
            note: String::new(),
            origin: Arc::clone(&origin),
        };
        Records { list: places.iter().map(record).collect(), keywords: vec!["harbor".to_owned()] }
    }

    fn cut(records: &Records, cut: Cut, empty: bool) -> Vec<CutPicture<'_>> {
        let settings = CutSettings { cut, side: 100, validation: 0.5, empty };
        Cuts::new(records, &settings).pictures
    }

    #[test]
    fn boxes_are_clipped_by_tiles() {
        let records = records(&[(80, 10, 40, 40), (10, 95, 20, 20), (240, 150, 10, 50)], Verdict::None);
        let tiles = cut(&records, Cut::Tiles, false);
        let told: Vec<(&str, Vec<Rect>)> = tiles
            .iter()
            .map(|tile| (tile.name.as_str(), tile.boxes.iter().map(|found| found.place).collect()))
            .collect();
        assert_eq!(
            told,
            [
                ("some_scene_x0_y0.png", vec![Rect::new(80, 10, 20, 40), Rect::new(10, 95, 20, 5)]),
                ("some_scene_x100_y0.png", vec![Rect::new(0, 10, 20, 40)]),
                ("some_scene_x0_y100.png", vec![Rect::new(10, 0, 20, 15)]),
                ("some_scene_x200_y100.png", vec![Rect::new(40, 50, 10, 50)]),
            ]
        );
        assert_eq!(tiles[3].place, Rect::new(200, 100, 50, 100), "as far as the scene goes");
        let corners = &tiles[1].boxes[0].corners;
        assert!(corners.iter().all(|[x, y]| (0.0..=20.0).contains(x) && (10.0..=50.0).contains(y)));
        assert_eq!(cut(&records, Cut::Tiles, true).len(), 6);
        let validation: Vec<bool> = tiles.iter().map(|tile| tile.validation).collect();
        assert_eq!(validation, [false, true, false, true]);
    }

    #[test]
    fn a_sliver_is_left_out() {
        let records = records(&[(95, 0, 100, 50)], Verdict::None);
        let tiles = cut(&records, Cut::Tiles, false);
        assert_eq!(tiles.iter().map(|tile| tile.place.x).collect::<Vec<_>>(), [100]);
    }

    #[test]
    fn crops_are_the_boxes() {
        let both = records(&[(80, 10, 40, 30), (80, 10, 40, 30), (0, 0, 10, 10)], Verdict::Accepted);
        let crops = cut(&both, Cut::Crops, false);
        assert_eq!(crops.len(), 2);
        assert_eq!((crops[0].place, crops[0].boxes[0].place), (both.list[0].place, Rect::new(0, 0, 40, 30)));
        assert!(cut(&records(&[(0, 0, 9, 9)], Verdict::Rejected), Cut::Crops, false).is_empty());
    }
}
