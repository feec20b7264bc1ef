//! `docs/formats.md`: written from answers, and compared with them.

use std::fmt::Write;

use super::compare::{Answer, UNWRITTEN, verdict};
use super::variants;

pub const SCENES: &str = "Scenes from elsewhere";

/// A line of the table.
pub struct Row {
    section: &'static str,
    name: String,
    words: String,
    answer: Answer,
}

impl Row {
    pub fn new(section: &'static str, name: &str, words: &str, answer: Answer) -> Self {
        Self { section, name: name.to_owned(), words: words.to_owned(), answer }
    }

    fn line(&self) -> String {
        let Answer { kind, level0, overviews, notes } = &self.answer;
        let words = if self.section == SCENES { self.words.clone() } else { format!("`{}`", self.words) };
        let notes = notes.join("; ").replace('|', "\\|");
        format!("| {} | {words} | {kind} | {level0} | {overviews} | {notes} |", self.name)
    }
}

const INTRODUCTION: &str = "\
# Formats

What Skysift reads, measured: `tests/skysift/formats` has GDAL write every variant below, reads it with Skysift and
with GDAL, and compares the pixels as the file holds them. It fails when an answer is no longer the one in this table;
`SKYSIFT_UPDATE_DOCS=1 cargo test --release formats` writes the table anew. Without GDAL it is left out.

- **Level 0**, all pixels: *exact* means every sample is GDAL's. *Rounded* (only where the compression
  itself loses something: JPEG, WebP, lossy JPEG 2000) means that 99 of 100 samples are within 2 levels; the
  parentheses hold the largest difference and the share of samples that differ at all. *Wrong* and *refused*
  are what they say, the latter with Skysift's own sentence in the note, whose command was run and helped.
  Pixels without data and the colours of palettes are compared, too.
- **Overviews**: how many there are below level 0. *Exact* means that all samples are GDAL's, *alike* that mean and
  standard deviation of every band are within 1 % (the largest difference in parentheses); overviews that Skysift
  makes itself are compared with `gdal_translate -outsize ... -r average`.
- Where one row stands for several layouts (strips and tiles, `INTERLEAVE=PIXEL` and `BAND`), all of them were
  measured, and the row is the worst of them.
- A VRT that asks for `average`, `rms`, `bilinear`, `cubic`, `cubicspline` or `lanczos` is resampled so where the size
  of its source isn't that of its place, `gauss` as `bilinear` and `mode` as the nearest pixel. Where pixels don't divide
  evenly, Skysift averages parts of pixels, as GDAL does when it reads the file itself; read through a VRT, GDAL 3.6
  averages whole pixels only. Where one pixel stands for more than 256, the nearest is taken.
- Complex numbers are compared by their magnitude in decibels, 20 log10 |z|, which is what Skysift shows of them.

What isn't read is recognised by its content and gets the one command that makes an image of it;
`tests/skysift/containers.rs` makes such files, runs the commands and opens what comes of them: ENVI, Erdas
Imagine (HFA) and LAN, NITF, netCDF, HDF4, HDF5, GRIB, FITS, PCIDSK, ER Mapper, GeoPackage, MBTiles, KMZ,
PDF, GIF, BMP, PNM, Targa, Zarr, ASCII grids, XYZ, MRF, ESRI band files, IDRISI, SAGA, VICAR, USGS DEM,
Surfer, ISIS and PDS4 with `gdal_translate`, HEIF, AVIF, JPEG XL and Photoshop with GDAL or ImageMagick,
zip, tar, gzip, bzip2 and xz with what unpacks them, Sentinel-1 and STAC by the image that they name,
shapefiles, KML and GeoPackages of shapes with `ogr2ogr` as regions. Known by their content or name, but not
tried here: DIMAP, TIL, MrSID, ECW, DICOM, OpenEXR, PDS3, ILWIS, DTED, BSB, ArcInfo grids, file
geodatabases, Sentinel-3, 7z, RAR.

A TIFF or JPEG 2000 file that ends too early is told when it is opened: how many of its strips or tiles, its overviews' among
them, reach beyond the end. What is there is shown and read; windows that touch what isn't fail, and are counted. Strips
and tiles that were never written are nodata. PNG, JPEG and WebP that are cut off, and JPEG 2000 of a single tile, aren't
opened.
";

/// What stands at the end. `places.rs` holds it.
const PLACES: &str = "\
## Places

Coordinate systems are those of PROJ 9.6, which is built in with its database: EPSG and ESRI codes, well-known text (OGC's
of 2001 and 2019, GDAL's and ESRI's), PROJJSON, PROJ strings, names, and `GeoKeys` that define a system themselves, with
their own datums, prime meridians and units. No files of the computer are used, neither grids nor another database, so that
a scene lies at the same place everywhere. Where the datum is known only nearly without grids, or not at all, a notice says
by how many metres; what isn't understood has a reason.

- Of the 5,846 EPSG codes in `../shared/data/epsg_centres.csv` (the centre of each area of use, as PROJ 9 has it without
  grids) 5,835 lie within 5 m, 4 within 50 m, 6 within 500 m and none beyond; for one, 9006, PROJ has no place there. None
  is refused. 1,022 are marked as approximate for their datums, among them the ten that lie farther off than 5 m.
  `SKYSIFT_ALL_CODES=1 cargo test --release no_code_is_far_off -- --nocapture` counts them; else that test looks at every
  fortieth.
- `tests/reference/epsg.py` writes a few hundred systems of every kind, each projection, ellipsoid, prime meridian and unit
  at least once: 168 codes, 234 texts in five ways of writing and 41 sets of `GeoKeys`. All of them lie within 1 m of PROJ.
- Where there is no map, ground control points (GDAL's, and ArcGIS' `GeodataXform`) and rational polynomial coefficients
  (`RPCCoefficientTag`, `_RPC.TXT`, `.RPB`, GDAL's metadata) place a scene approximately, the latter at their height offset.
- JPEG 2000 with only a GML box: axes in the order of the authority, as for `urn:` names.
- Not read: vertical systems and heights; grids of datum shifts; ArcInfo's oldest `.prj` files beyond
  geographic and UTM coordinates.
";

/// The sections in order, each once.
fn sections(rows: &[Row]) -> Vec<&'static str> {
    let mut sections: Vec<&'static str> = Vec::new();
    for section in rows.iter().map(|row| row.section).chain([SCENES]) {
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    sections
}

/// The whole file. The section on real scenes stays as it is known where there are none.
pub fn document(version: &str, rows: &[Row], known: &str) -> String {
    let mut text = INTRODUCTION.to_owned();
    let count = |word: &str| rows.iter().filter(|row| verdict(&row.answer.level0) == word).count();
    let _ = writeln!(
        text,
        "\nMeasured with {version}. Level 0 of {} rows: {} exact, {} rounded, {} wrong, {} refused, {} {UNWRITTEN}.",
        rows.len(),
        count("exact"),
        count("rounded"),
        count("wrong"),
        count("refused"),
        count(UNWRITTEN)
    );
    text += "\nThe images that the variants are made of come from one fixture, `tests/reference/raster/";
    let _ =
        writeln!(text, "{}`, unless another is named:\n\n| name | made by |\n|---|---|", variants::FIXTURE);
    for (name, commands) in variants::bases() {
        let _ = writeln!(text, "| {name} | `{}` |", variants::short(&commands));
    }
    for section in sections(rows) {
        let _ = writeln!(
            text,
            "\n## {section}\n\n| variant | GDAL's words for it | bands x type | level 0 | overviews | note |\n\
             |---|---|---|---|---|---|"
        );
        let mut lines: Vec<String> =
            rows.iter().filter(|row| row.section == section).map(Row::line).collect();
        if lines.is_empty() {
            lines = entries(known)
                .filter(|(theirs, _)| *theirs == section)
                .map(|(_, line)| line.to_owned())
                .collect();
        }
        text += &lines.join("\n");
        text.push('\n');
    }
    text.push('\n');
    text + PLACES
}

/// Sections and lines of tables in a document.
fn entries(document: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut section = "";
    document.lines().filter_map(move |line| {
        section = line.strip_prefix("## ").unwrap_or(section);
        let is_row = line.starts_with("| ") && !line.starts_with("| variant |") && !section.is_empty();
        is_row.then_some((section, line))
    })
}

/// What the document says differently, one sentence each.
pub fn changes(rows: &[Row], document: &str) -> Vec<String> {
    let known: Vec<(&str, Vec<&str>)> = entries(document)
        .map(|(section, line)| {
            (section, line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect())
        })
        .collect();
    let is = |section: &str, cells: &[&str], row: &Row| {
        section == row.section && cells.first() == Some(&&*row.name)
    };
    let mut changes = Vec::new();
    for row in rows.iter().filter(|row| row.answer.level0 != UNWRITTEN) {
        let found = known.iter().find(|(section, cells)| is(section, cells, row));
        let cell = |index: usize| found.and_then(|(_, cells)| cells.get(index)).copied().unwrap_or("nothing");
        if cell(3) == UNWRITTEN {
            continue;
        }
        for (what, documented, measured) in
            [("level 0", cell(3), &row.answer.level0), ("overviews", cell(4), &row.answer.overviews)]
        {
            if verdict(documented) != verdict(measured) {
                changes
                    .push(format!("{}, {}: {what} is {measured}, not {documented}", row.section, row.name));
            }
        }
    }
    for (section, cells) in known {
        let measured = rows.iter().any(|row| is(section, &cells, row));
        if !measured && section != SCENES {
            changes.push(format!("{section}, {}: no longer measured", cells[0]));
        }
    }
    changes
}
