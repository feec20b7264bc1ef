//! The tables that the standard asks for, and those of layers.

use rusqlite::{Connection, params};

use super::system::MapOf;

/// "GPKG" and 1.3, by which programs know what the database is.
const IDENTITY: &str = "PRAGMA application_id = 1196444487; PRAGMA user_version = 10300;";

const SYSTEMS: &str = "
CREATE TABLE gpkg_spatial_ref_sys (
  srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (
  table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (
  table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
  CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
INSERT INTO gpkg_spatial_ref_sys VALUES
  ('Undefined cartesian SRS', -1, 'NONE', -1, 'undefined', 'a plane without a known place'),
  ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', 'degrees on an unknown globe');
";

const STYLES: &str = r#"
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
  f_table_name TEXT(256), f_geometry_column TEXT(256), "styleName" TEXT(30), "styleQML" TEXT, "styleSLD" TEXT,
  "useAsDefault" BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')));
INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)
  VALUES ('layer_styles', 'attributes', 'layer_styles', 0);
"#;

const WGS_84: &str = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563,\
AUTHORITY[\"EPSG\",\"7030\"]],AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0,AUTHORITY[\"EPSG\",\"8901\"]],\
UNIT[\"degree\",0.0174532925199433,AUTHORITY[\"EPSG\",\"9122\"]],AXIS[\"Latitude\",NORTH],\
AXIS[\"Longitude\",EAST],AUTHORITY[\"EPSG\",\"4326\"]]";

/// Creates the tables about the file, with the system of its map.
pub(super) fn create(database: &Connection, map: &MapOf) -> rusqlite::Result<()> {
    database.execute_batch(IDENTITY)?;
    database.execute_batch(SYSTEMS)?;
    let add = "INSERT INTO gpkg_spatial_ref_sys VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let none: Option<&str> = None;
    database.execute(add, params!["WGS 84", 4326, "EPSG", 4326, WGS_84, "longitude and latitude"])?;
    if let Some(system) = map.own() {
        let organization = if system.epsg.is_some() { "EPSG" } else { "NONE" };
        let (name, definition) = (&system.name, &system.well_known_text);
        database.execute(add, params![name, map.id(), organization, map.id(), definition, none])?;
    }
    Ok(())
}

/// Creates a layer: its table and what the others say of it.
pub(super) fn add_layer(
    database: &Connection,
    name: &str,
    geometry: &str,
    several: bool,
    system: i32,
    bounds: Option<[f64; 4]>,
) -> rusqlite::Result<()> {
    let kind = if several { "MULTIPOLYGON" } else { "POLYGON" };
    let sides = bounds.map(|bounds| bounds.map(Some)).unwrap_or_default();
    let [left, bottom, right, top] = sides;
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, min_x, min_y, max_x, max_y, srs_id) \
         VALUES (?1, 'features', ?1, ?2, ?3, ?4, ?5, ?6)",
        params![name, left, bottom, right, top, system],
    )?;
    database.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?1, ?2, ?3, ?4, 0, 0)",
        params![name, geometry, kind, system],
    )?;
    database.execute_batch(&format!(
        "CREATE TABLE {name} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, {geometry} {kind}, keyword TEXT, \
         rank INTEGER, score REAL, probability REAL, cosine REAL, verdict TEXT, note TEXT, x INTEGER, \
         y INTEGER, width INTEGER, height INTEGER, lon REAL, lat REAL, nodata REAL, area_m2 REAL, scene TEXT, \
         model TEXT, prompt TEXT, tile INTEGER, window INTEGER, time DATETIME);"
    ))
}

/// Adds the style that QGIS takes for a layer when it is opened.
pub(super) fn add_style(
    database: &Connection,
    name: &str,
    geometry: &str,
    qml: &str,
) -> rusqlite::Result<()> {
    database.execute_batch(STYLES)?;
    database.execute(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, \
         styleQML, styleSLD, useAsDefault, description, owner) VALUES ('', '', ?1, ?2, 'keywords', ?3, '', 1, \
         'a colour for each keyword', '')",
        params![name, geometry, qml],
    )?;
    Ok(())
}
