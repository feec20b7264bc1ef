//! The forms in which detections leave.

use std::path::Path;

/// A file format for detections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Everything, with what made it.
    #[default]
    Json,
    /// Polygons in longitude and latitude for a GIS (RFC 7946)
    Geojson,
    /// One line a detection.
    Csv,
    /// The same with a byte order mark before it, without which Excel takes é and 港 for other letters.
    CsvExcel,
    /// For Google Earth and others, in longitude and latitude
    Kml,
    /// The same in an archive, which holds pictures, too, with --crops
    Kmz,
    /// A GeoPackage in the scene's own coordinate system, with a style for QGIS
    Gpkg,
    /// COCO's JSON: boxes and outlines in pixels; with --cut a folder with pictures to train on
    Coco,
    /// A folder with pictures to train YOLO on
    Yolo,
}

impl Format {
    /// The file name extension; empty for a folder.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json | Self::Coco => "json",
            Self::Geojson => "geojson",
            Self::Csv | Self::CsvExcel => "csv",
            Self::Kml => "kml",
            Self::Kmz => "kmz",
            Self::Gpkg => "gpkg",
            Self::Yolo => "",
        }
    }

    /// The format that a file's name asks for by its ending; JSON where it says nothing.
    #[must_use]
    pub fn of_name(path: &Path) -> Self {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let own = [Self::Geojson, Self::Csv, Self::Kml, Self::Kmz, Self::Gpkg];
        own.into_iter().find(|format| format.extension() == ending).unwrap_or_default()
    }

    /// What it is called in a sentence, of those that need longitude and latitude.
    #[must_use]
    pub fn on_globe(self) -> Option<&'static str> {
        match self {
            Self::Geojson => Some("GeoJSON"),
            Self::Kml => Some("KML"),
            Self::Kmz => Some("KMZ"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_format() {
        for (name, format) in [
            ("a.geojson", Format::Geojson),
            ("A.CSV", Format::Csv),
            ("a.kml", Format::Kml),
            ("a.b.KMZ", Format::Kmz),
            ("a.gpkg", Format::Gpkg),
            ("a.json", Format::Json),
            ("a.out", Format::Json),
            ("csv", Format::Json),
        ] {
            assert_eq!(Format::of_name(Path::new(name)), format, "{name}");
        }
    }
}
