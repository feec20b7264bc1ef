//! Records in the formats that are one file.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::training::write_coco;
use super::{Format, Origin, Records, geopackage, kml, kmz};
use crate::raster::Scene;
use crate::scan::SceneSource;

/// Opens a scene for its pixels.
pub type OpenScene<'a> = &'a dyn Fn(&Origin) -> io::Result<Arc<dyn SceneSource>>;

/// What some formats are about beyond the records.
#[derive(Clone, Copy, Default)]
pub struct RecordOptions<'a> {
    /// The scene in which all lie, for formats that use its coordinate system.
    pub scene: Option<&'a Scene>,
    /// Where pictures of the boxes come from, if they are wanted.
    pub crops: Option<OpenScene<'a>>,
    /// The folder of the file, if it is one.
    pub folder: Option<&'a Path>,
}

/// Writes a file of records. Those without a place on the globe have no geometry in KML.
///
/// # Errors
/// Those of the writer; when a scene can't be read for its crops; when the format is a table, which reports
/// write, or a folder.
pub fn write_records(
    records: &Records,
    format: Format,
    options: &RecordOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Kml => kml::write_kml(records, &[], out),
        Format::Kmz => kmz::write_kmz(records, options.crops, out),
        Format::Gpkg => geopackage::write(records, options.scene, out),
        Format::Coco => write_coco(records, options.folder, out),
        Format::Json | Format::Geojson | Format::Csv | Format::CsvExcel => {
            Err(io::Error::other("this format is made of reports"))
        }
        Format::Yolo => Err(io::Error::other("a set of pictures is a folder, not a file")),
    }
}
