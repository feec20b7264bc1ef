//! GeoPackage 1.3: a database that GIS programs open, a table for each kind of thing.
//!
//! `mod` makes the file, `tables` those that the standard asks for, `system` chooses the coordinates,
//! `style` is how QGIS draws them.

mod style;
mod system;
mod tables;

use std::fs::File;
use std::io::{self, Write};

use rusqlite::{Connection, params};

use super::record::{Record, Records};
use super::well_known_binary::well_known_binary;
use crate::atomic::temporary_folder;
use crate::raster::Scene;
use system::MapOf;

/// The table of what was detected; another kind of thing gets a table of its own.
const DETECTIONS: &str = "detections";
const GEOMETRY: &str = "geom";

/// Writes records as a GeoPackage: in the coordinate system of `scene` if they all lie in one that has any,
/// else in degrees; in pixels, with y upwards and so below zero, where nothing has a place. What has no place
/// has no geometry.
///
/// # Errors
/// Those of the writer, or when there is no room for the temporary file that SQLite needs.
pub(super) fn write(records: &Records, scene: Option<&Scene>, out: &mut dyn Write) -> io::Result<()> {
    let folder = temporary_folder()?;
    let path = folder.path().join("export.gpkg");
    fill(&path, records, scene).map_err(io::Error::other)?;
    io::copy(&mut File::open(&path)?, out)?;
    Ok(())
}

fn fill(path: &std::path::Path, records: &Records, scene: Option<&Scene>) -> rusqlite::Result<()> {
    let map = MapOf::choose(records, scene);
    let mut database = Connection::open(path)?;
    database.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let all = database.transaction()?;
    tables::create(&all, &map)?;
    let shapes: Vec<Option<Vec<Vec<[f64; 2]>>>> =
        records.list.iter().map(|record| map.rings(record)).collect();
    let several = shapes.iter().flatten().any(|rings| rings.len() != 1);
    tables::add_layer(&all, DETECTIONS, GEOMETRY, several, map.id(), bounds(&shapes))?;
    for (record, rings) in records.list.iter().zip(&shapes) {
        let shape = rings.as_ref().map(|rings| geometry(rings, several, map.id()));
        insert(&all, record, shape.as_deref())?;
    }
    let qml = style::qml(records);
    tables::add_style(&all, DETECTIONS, GEOMETRY, &qml)?;
    all.commit()
}

fn insert(database: &Connection, record: &Record, shape: Option<&[u8]>) -> rusqlite::Result<()> {
    let mut statement = database.prepare_cached(
        "INSERT INTO detections (geom, keyword, rank, score, probability, cosine, verdict, note, x, y, width, \
         height, lon, lat, nodata, area_m2, scene, model, prompt, tile, window, time) VALUES (?1, ?2, ?3, ?4, \
         ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
    )?;
    let (origin, place) = (&record.origin, record.place);
    statement.execute(params![
        shape,
        record.keyword,
        record.rank.map(|rank| rank as i64),
        record.score,
        record.probability,
        record.cosine,
        record.verdict.text(),
        record.note,
        place.x,
        place.y,
        place.width,
        place.height,
        record.lon_lat.map(|(lon, _)| lon),
        record.lon_lat.map(|(_, lat)| lat),
        record.nodata,
        record.area_m2,
        origin.scene,
        origin.model,
        origin.prompt,
        origin.tile,
        origin.window,
        // The standard asks for milliseconds.
        origin.time.replace('Z', ".000Z"),
    ])?;
    Ok(())
}

/// Left, bottom, right, top of all shapes.
fn bounds(shapes: &[Option<Vec<Vec<[f64; 2]>>>]) -> Option<[f64; 4]> {
    let mut corners = shapes.iter().flatten().flatten().flatten();
    let &[x, y] = corners.next()?;
    Some(corners.fold([x, y, x, y], |[left, bottom, right, top], &[x, y]| {
        [left.min(x), bottom.min(y), right.max(x), top.max(y)]
    }))
}

/// The header of the standard, with the bounds, and well-known binary.
fn geometry(rings: &[Vec<[f64; 2]>], several: bool, system: i32) -> Vec<u8> {
    // Little endian, and an envelope of four numbers.
    const FLAGS: u8 = 0b0000_0011;
    let [left, bottom, right, top] = bounds(&[Some(rings.to_vec())]).unwrap_or_default();
    let mut bytes = vec![b'G', b'P', 0, FLAGS];
    bytes.extend(system.to_le_bytes());
    for number in [left, right, bottom, top] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(well_known_binary(rings, several));
    bytes
}
