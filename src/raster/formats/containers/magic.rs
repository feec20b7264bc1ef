//! Kinds of files that their first bytes tell.

use super::{Kind, TO_SHAPES, Way};

const BYTES: &[(usize, &[u8], Kind)] = &[
    (0, b"EHFA_HEADER_TAG", ("an Erdas Imagine (HFA) image", Way::Gdal)),
    (0, b"NITF", ("a NITF image", Way::Gdal)),
    (0, b"NSIF", ("a NITF (NSIF) image", Way::Gdal)),
    (0, b"CDF\x01", ("a netCDF file", Way::Gdal)),
    (0, b"CDF\x02", ("a netCDF file", Way::Gdal)),
    (0, b"CDF\x05", ("a netCDF file", Way::Gdal)),
    (0, b"\x89HDF\r\n\x1a\n", ("an HDF5 or netCDF file", Way::Gdal)),
    (512, b"\x89HDF\r\n\x1a\n", ("an HDF5 file", Way::Gdal)),
    (0, b"\x0e\x03\x13\x01", ("an HDF4 file", Way::Gdal)),
    (0, b"GRIB", ("a GRIB file", Way::Gdal)),
    (0, b"SIMPLE  =", ("a FITS image", Way::Gdal)),
    (0, b"PCIDSK", ("a PCIDSK image", Way::Gdal)),
    (0, b"DatasetHeader", ("an ER Mapper image", Way::Gdal)),
    (0, b"%PDF", ("a PDF", Way::Gdal)),
    (0, b"GIF8", ("a GIF", Way::Gdal)),
    (0, b"BM", ("a BMP image", Way::Gdal)),
    (0, b"<MRF_META", ("an MRF image", Way::Gdal)),
    (0, b"LBLSIZE=", ("a VICAR image", Way::Gdal)),
    (0, b"NJPL1I", ("a VICAR image", Way::Gdal)),
    (0, b"PDS_VERSION_ID", ("a PDS image", Way::Gdal)),
    (0, b"CCSD3ZF", ("a PDS image", Way::Gdal)),
    (0, b"Object = IsisCube", ("an ISIS cube", Way::Gdal)),
    (0, b"DSBB", ("a Surfer grid", Way::Gdal)),
    (0, b"DSAA", ("a Surfer grid", Way::Gdal)),
    (0, b"HEAD74", ("an Erdas LAN image", Way::Gdal)),
    (0, b"HEADER", ("an Erdas LAN image", Way::Gdal)),
    (0, b"UHL1", ("a DTED elevation model", Way::Gdal)),
    (0, b"BLX", ("a Magellan map", Way::Gdal)),
    (0, b"[Ilwis]", ("an ILWIS map", Way::Gdal)),
    (0, b"P1\n", ("a PBM image", Way::Gdal)),
    (0, b"P4\n", ("a PBM image", Way::ImageMagick)),
    (0, b"P5", ("a PGM image", Way::Gdal)),
    (0, b"P6", ("a PPM image", Way::Gdal)),
    (4, b"ftypheic", ("a HEIF image", Way::Gdal)),
    (4, b"ftypheix", ("a HEIF image", Way::Gdal)),
    (4, b"ftypmif1", ("a HEIF image", Way::Gdal)),
    (4, b"ftypavif", ("an AVIF image", Way::ImageMagick)),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", ("a JPEG XL image", Way::ImageMagick)),
    (0, b"\xff\x0a", ("a JPEG XL image", Way::ImageMagick)),
    (0, b"8BPS", ("a Photoshop image", Way::ImageMagick)),
    (0, b"\x76\x2f\x31\x01", ("an OpenEXR image", Way::ImageMagick)),
    (128, b"DICM", ("a DICOM image", Way::ImageMagick)),
    (
        0,
        b"msid",
        (
            "a MrSID image, which only programs with its owner's library read",
            Way::Other("convert it with `mrsidgeodecode -i {file} -o scene.tif` of LizardTech's tools"),
        ),
    ),
    (
        0,
        b"LASF",
        ("a cloud of laser points (LAS) and holds no pixels", Way::Other("open an image made of it")),
    ),
    (0, b"\0\0\x27\x0a", ("a shapefile, which holds shapes and no pixels", TO_SHAPES)),
    (0, b"!<arch>", ("an archive of a compiler and no image", Way::Other("open an image"))),
    (0, b"\x7fELF", ("a program and no image", Way::Other("open an image"))),
];

/// What the first bytes of a file say that it is.
pub(super) fn kind(start: &[u8]) -> Option<Kind> {
    if start.starts_with(b"SQLite format 3\0") {
        return Some(database(start));
    }
    let of = |(at, bytes, kind): &(usize, &[u8], Kind)| {
        start.get(*at..).is_some_and(|rest| rest.starts_with(bytes)).then_some(*kind)
    };
    let found = BYTES.iter().find_map(of)?;
    // Two letters alone are little: a bitmap tells the length of its header, too.
    let is_text = start.starts_with(b"BM") && start.get(15..18) != Some(&[0, 0, 0]);
    (!is_text).then_some(found)
}

/// What a database holds, by what its first pages name.
fn database(start: &[u8]) -> Kind {
    let names = |table: &[u8]| start.windows(table.len()).any(|part| part == table);
    if names(b"gpkg_contents") {
        // What a table holds stands in its row there.
        if names(b"tiles") || names(b"2d-gridded-coverage") {
            ("a GeoPackage", Way::Gdal)
        } else {
            ("a GeoPackage that holds shapes and no pixels", TO_SHAPES)
        }
    } else if start.get(68..72) == Some(b"MPBX") || names(b"tile_column") {
        ("an MBTiles map", Way::Gdal)
    } else {
        ("a database (SQLite) and no image", Way::Other("open an image"))
    }
}
