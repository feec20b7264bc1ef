//! Formats that are recognised by their first bytes.

use super::{FileType, Remedy, TO_SHAPES};

/// Offset, bytes and format.
const BYTES: &[(usize, &[u8], FileType)] = &[
    (0, b"EHFA_HEADER_TAG", ("an Erdas Imagine (HFA) image", Remedy::Gdal)),
    (0, b"NITF", ("a NITF image", Remedy::Gdal)),
    (0, b"NSIF", ("a NITF (NSIF) image", Remedy::Gdal)),
    (0, b"CDF\x01", ("a netCDF file", Remedy::Gdal)),
    (0, b"CDF\x02", ("a netCDF file", Remedy::Gdal)),
    (0, b"CDF\x05", ("a netCDF file", Remedy::Gdal)),
    (0, b"\x89HDF\r\n\x1a\n", ("an HDF5 or netCDF file", Remedy::Gdal)),
    (512, b"\x89HDF\r\n\x1a\n", ("an HDF5 file", Remedy::Gdal)),
    (0, b"\x0e\x03\x13\x01", ("an HDF4 file", Remedy::Gdal)),
    (0, b"GRIB", ("a GRIB file", Remedy::Gdal)),
    (0, b"SIMPLE  =", ("a FITS image", Remedy::Gdal)),
    (0, b"PCIDSK", ("a PCIDSK image", Remedy::Gdal)),
    (0, b"DatasetHeader", ("an ER Mapper image", Remedy::Gdal)),
    (0, b"%PDF", ("a PDF", Remedy::Gdal)),
    (0, b"GIF8", ("a GIF", Remedy::Gdal)),
    (0, b"BM", ("a BMP image", Remedy::Gdal)),
    (0, b"<MRF_META", ("an MRF image", Remedy::Gdal)),
    (0, b"LBLSIZE=", ("a VICAR image", Remedy::Gdal)),
    (0, b"NJPL1I", ("a VICAR image", Remedy::Gdal)),
    (0, b"PDS_VERSION_ID", ("a PDS image", Remedy::Gdal)),
    (0, b"CCSD3ZF", ("a PDS image", Remedy::Gdal)),
    (0, b"Object = IsisCube", ("an ISIS cube", Remedy::Gdal)),
    (0, b"DSBB", ("a Surfer grid", Remedy::Gdal)),
    (0, b"DSAA", ("a Surfer grid", Remedy::Gdal)),
    (0, b"HEAD74", ("an Erdas LAN image", Remedy::Gdal)),
    (0, b"HEADER", ("an Erdas LAN image", Remedy::Gdal)),
    (0, b"UHL1", ("a DTED elevation model", Remedy::Gdal)),
    (0, b"BLX", ("a Magellan map", Remedy::Gdal)),
    (0, b"[Ilwis]", ("an ILWIS map", Remedy::Gdal)),
    (0, b"P1\n", ("a PBM image", Remedy::Gdal)),
    (0, b"P4\n", ("a PBM image", Remedy::ImageMagick)),
    (0, b"P5", ("a PGM image", Remedy::Gdal)),
    (0, b"P6", ("a PPM image", Remedy::Gdal)),
    (4, b"ftypheic", ("a HEIF image", Remedy::Gdal)),
    (4, b"ftypheix", ("a HEIF image", Remedy::Gdal)),
    (4, b"ftypmif1", ("a HEIF image", Remedy::Gdal)),
    (4, b"ftypavif", ("an AVIF image", Remedy::ImageMagick)),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", ("a JPEG XL image", Remedy::ImageMagick)),
    (0, b"\xff\x0a", ("a JPEG XL image", Remedy::ImageMagick)),
    (0, b"8BPS", ("a Photoshop image", Remedy::ImageMagick)),
    (0, b"\x76\x2f\x31\x01", ("an OpenEXR image", Remedy::ImageMagick)),
    (128, b"DICM", ("a DICOM image", Remedy::ImageMagick)),
    (
        0,
        b"msid",
        (
            "a MrSID image, which only programs with its owner's library read",
            Remedy::Other("convert it with `mrsidgeodecode -i {file} -o scene.tif` of LizardTech's tools"),
        ),
    ),
    (
        0,
        b"LASF",
        ("a cloud of laser points (LAS) and holds no pixels", Remedy::Other("open an image made of it")),
    ),
    (0, b"\0\0\x27\x0a", ("a shapefile, which holds shapes and no pixels", TO_SHAPES)),
    (0, b"!<arch>", ("an archive of a compiler and no image", Remedy::Other("open an image"))),
    (0, b"\x7fELF", ("a program and no image", Remedy::Other("open an image"))),
];

/// The format of a file by its first bytes.
pub(super) fn file_type(start: &[u8]) -> Option<FileType> {
    if start.starts_with(b"SQLite format 3\0") {
        return Some(database(start));
    }
    let of = |(at, bytes, kind): &(usize, &[u8], FileType)| {
        start.get(*at..).is_some_and(|rest| rest.starts_with(bytes)).then_some(*kind)
    };
    let found = BYTES.iter().find_map(of)?;
    // "BM" alone could be text; in a bitmap, the length of the header follows.
    let is_text = start.starts_with(b"BM") && start.get(15..18) != Some(&[0, 0, 0]);
    (!is_text).then_some(found)
}

/// What a database holds, by the names in its first pages.
fn database(start: &[u8]) -> FileType {
    let names = |table: &[u8]| start.windows(table.len()).any(|part| part == table);
    if names(b"gpkg_contents") {
        // `gpkg_contents` lists the type of each table.
        if names(b"tiles") || names(b"2d-gridded-coverage") {
            ("a GeoPackage", Remedy::Gdal)
        } else {
            ("a GeoPackage that holds shapes and no pixels", TO_SHAPES)
        }
    } else if start.get(68..72) == Some(b"MPBX") || names(b"tile_column") {
        ("an MBTiles map", Remedy::Gdal)
    } else {
        ("a database (SQLite) and no image", Remedy::Other("open an image"))
    }
}
