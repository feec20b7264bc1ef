"""Makes the small images that tests/skysift/raster.rs reads, and what GDAL reads from them.

    python tests/reference/make_raster_fixtures.py

Needs rasterio (any recent GDAL), Pillow and numpy. Writes tests/reference/raster/: images, and manifest.json with the
SHA-256 of the samples of each level as GDAL decodes them (row by row, pixel by pixel, band by band, little endian). For
JPEG, whose decoders round differently, the samples themselves are in `*.raw`.
"""

import hashlib
import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import rasterio
import rasterio.errors
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp, Resampling
from rasterio.transform import Affine, from_origin
from rasterio.warp import transform as warp

OUT = Path(__file__).parent / "raster"
RNG = np.random.default_rng(20240518)
cases, places = [], []


def waves(bands, height, width, dtype, top=None):
    """Smooth structure with some noise, over the range of the type."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [np.sin(x / (5 + b)) + np.cos(y / (4 + b)) + RNG.normal(0, 0.1, (height, width)) for b in range(bands)]
    unit = np.clip((np.stack(planes) + 2.4) / 4.8, 0, 1)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return (unit * 100 - 20).astype(dtype)
    info = np.iinfo(dtype)
    top = info.max if top is None else top
    low = info.min if info.min < 0 else 0
    return (unit * (float(top) - low) + low).astype(dtype)


def soft_colours(height, width):
    """Colours of about the strength that satellite images have; JPEG decoders differ more on strong ones."""
    grey, tint = waves(1, height, width, "float32"), waves(3, height, width, "float32")
    return np.clip((grey + tint / 8 + 20) * 2, 0, 255).astype("uint8")


def record(name, tolerance=0, **facts):
    """Stores what GDAL reads at every level."""
    levels = []
    with rasterio.open(OUT / name) as scene:
        overviews = len(scene.overviews(1))
    for level in range(overviews + 1):
        options = {} if level == 0 else {"overview_level": level - 1}
        with rasterio.open(OUT / name, **options) as scene:
            pixels = scene.read()
            valid = scene.dataset_mask()
        samples = np.ascontiguousarray(np.moveaxis(pixels, 0, -1))
        if tolerance:
            # Pillow decodes with libjpeg-turbo, as most builds of GDAL do; rasterio's wheels bring another libjpeg.
            samples = np.asarray(Image.open(OUT / name)).reshape(samples.shape)
        samples = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
        raw = f"{name}.{level}.raw" if tolerance else None
        if raw:
            (OUT / raw).write_bytes(samples)
        levels.append({
            "width": pixels.shape[2],
            "height": pixels.shape[1],
            "sha256": hashlib.sha256(samples).hexdigest(),
            "raw": raw,
            "valid": int((valid > 0).sum()),
        })
    cases.append({
        "file": name,
        "dtype": str(pixels.dtype),
        "bands": pixels.shape[0],
        "tolerance": tolerance,
        "levels": levels,
        **facts,
    })


def tiff(name, pixels, *, tolerance=0, overviews=None, mask=None, interp=None, descriptions=None, tags=None, facts=None,
         missing=None, **profile):
    bands, height, width = pixels.shape
    path = OUT / name
    with rasterio.open(path, "w", driver="GTiff", width=width, height=height, count=bands, dtype=pixels.dtype, **profile) as out:
        if missing is None:
            out.write(pixels)
        else:
            out.write(pixels[:, :missing, :missing], window=((0, missing), (0, missing)))
        if interp:
            out.colorinterp = interp
        if descriptions:
            out.descriptions = descriptions
        if mask is not None:
            out.write_mask(mask)
        if profile.get("photometric") == "palette":
            out.write_colormap(1, {i: (i, 255 - i, i // 2, 255) for i in range(256)})
    if overviews:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as out:
            out.build_overviews(overviews, Resampling.average)
    record(name, tolerance, **(facts or {}))


def place(name, epsg, x, y, transform=None, **profile):
    """A tiny scene on the map, and where GDAL puts some of its pixels on the globe."""
    transform = transform or from_origin(x, y, 10, 20)
    path = OUT / name
    with rasterio.open(path, "w", driver="GTiff", width=7, height=5, count=1, dtype="uint8", crs=f"EPSG:{epsg}",
                       transform=transform, compress="deflate", **profile) as out:
        out.write(np.zeros((1, 5, 7), "uint8"))
    with rasterio.open(path) as scene:
        pixels = [(0, 0), (7, 5), (3.5, 2.5), (6.25, 0.5)]
        positions = [scene.transform * pixel for pixel in pixels]
        lons, lats = warp(scene.crs, "EPSG:4326", [p[0] for p in positions], [p[1] for p in positions])
        places.append({
            "file": name,
            "epsg": epsg,
            "bounds": list(scene.bounds),
            "points": [[*pixel, lon, lat] for pixel, lon, lat in zip(pixels, lons, lats)],
        })


def main():
    warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    rgb = waves(3, 45, 61, "uint8")
    tiled = {"tiled": True, "blockxsize": 16, "blockysize": 16}

    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        tiff("strips_lzw.tif", rgb, compress="lzw", predictor=2, blockysize=7, photometric="rgb")
        tiff("strips_none_big_endian.tif", waves(3, 33, 29, "uint16"), ENDIANNESS="BIG", photometric="rgb")
        tiff("tiles_deflate_overviews.tif", waves(3, 75, 101, "uint8"), compress="deflate", overviews=[2, 4],
             photometric="rgb", **tiled)
        tiff("tiles_planar_uint16_rgbi.tif", waves(4, 45, 61, "uint16"), compress="deflate", predictor=2,
             interleave="band", photometric="rgb", **tiled)
        tiff("tiles_zstd_float32.tif", np.where(waves(1, 45, 61, "float32") > 60, np.nan, waves(1, 45, 61, "float32")),
             compress="zstd", predictor=3, nodata=float("nan"), **tiled)
        tiff("strips_packbits_int16.tif", waves(1, 45, 31, "int16"), compress="packbits", nodata=-9999)
        tiff("strips_int8.tif", waves(1, 25, 31, "int8"), compress="deflate")
        tiff("strips_uint32.tif", waves(1, 25, 31, "uint32"), compress="deflate", BIGTIFF="YES",
             facts={"format": "BigTIFF"})
        tiff("strips_float64.tif", waves(2, 25, 31, "float64"), compress="deflate", predictor=3)
        tiff("tiles_jpeg_ycbcr.tif", soft_colours(64, 64), tolerance=3, compress="jpeg", photometric="ycbcr",
             **tiled)
        tiff("tiles_webp_lossless.tif", waves(4, 45, 61, "uint8"), compress="webp", WEBP_LOSSLESS="YES", tiled=True,
             blockxsize=32, blockysize=32, photometric="rgb", ALPHA="YES")
        tiff("tiles_lerc_float32.tif", waves(1, 45, 61, "float32"), compress="lerc", MAX_Z_ERROR=0, **tiled)
        tiff("palette.tif", waves(1, 45, 31, "uint8"), compress="lzw", photometric="palette")
        tiff("one_bit.tif", waves(1, 45, 31, "uint8", top=1), compress="deflate", NBITS=1)
        tiff("twelve_bits.tif", waves(1, 45, 31, "uint16", top=4095), compress="deflate", NBITS=12)
        tiff("white_is_zero.tif", waves(1, 45, 31, "uint8"), compress="deflate", photometric="miniswhite")
        tiff("mask.tif", waves(3, 45, 61, "uint8"), compress="deflate", photometric="rgb", overviews=[2],
             mask=np.fromfunction(lambda y, x: (x + y) % 7 > 2, (45, 61)), **tiled)
        tiff("nodata_rgb.tif", np.where(waves(3, 45, 61, "uint8") > 150, 0, rgb), compress="deflate", nodata=0,
             photometric="rgb", **tiled)
        tiff("bgra_uint16.tif", waves(4, 25, 31, "uint16"), compress="deflate",
             interp=[ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.alpha],
             facts={"shown": [3, 2, 1], "alpha": 4})
        tiff("sentinel_names.tif", waves(5, 25, 31, "uint16"), compress="deflate",
             descriptions=["B02", "B03", "B04", "B08", "B11"], facts={"shown": [3, 2, 1], "alpha": None})
        tiff("absent_tiles_nodata.tif", np.maximum(waves(1, 45, 61, "int16"), 0), nodata=-9999, SPARSE_OK="TRUE", compress="deflate",
             missing=32, **tiled)
        tiff("one_pixel.tif", rgb[:, :1, :1], photometric="rgb")

    Image.fromarray(np.moveaxis(rgb, 0, -1)).save(OUT / "rgb.png")
    record("rgb.png")
    rgba = np.concatenate([rgb, waves(1, 45, 61, "uint8")])
    Image.fromarray(np.moveaxis(rgba, 0, -1), "RGBA").save(OUT / "rgba.webp", lossless=True, exact=True)
    record("rgba.webp")
    Image.fromarray(waves(1, 45, 61, "uint16")[0]).save(OUT / "grey16.png")
    record("grey16.png")
    Image.fromarray(np.moveaxis(soft_colours(45, 61), 0, -1)).save(OUT / "photo.jpg", quality=90)
    record("photo.jpg", tolerance=3)
    Image.fromarray(rgb[0]).save(OUT / "grey_jpeg.tif.png", format="JPEG", quality=90)
    record("grey_jpeg.tif.png", tolerance=3)

    place("utm33.tif", 32633, 500_000, 5_500_000)
    place("utm60_dateline.tif", 32660, 833_900, 100)
    place("degrees.tif", 4326, 12.5, 48.25, from_origin(12.5, 48.25, 1e-4, 2e-4))
    place("mercator.tif", 3857, 1_400_000, 6_100_000)
    place("laea.tif", 3035, 4_321_000, 3_210_000)
    place("albers.tif", 5070, -96_000, 1_900_000)
    place("lambert.tif", 2154, 652_000, 6_862_000)
    place("polar.tif", 3413, -250_000, -2_100_000)
    place("nztm.tif", 2193, 1_750_000, 5_920_000)
    place("rotated.tif", 32633, 0, 0, Affine(8, 3, 500_000, 2, -9, 5_500_000))
    place("pixel_is_point.tif", 32633, 500_000, 5_500_000, AREA_OR_POINT="Point")
    with rasterio.open(OUT / "pixel_is_point.tif", "r+") as scene:
        scene.update_tags(AREA_OR_POINT="Point")

    gcps = [GroundControlPoint(row, col, 10 + col, 50 - row) for row, col in [(0, 0), (0, 7), (5, 0), (5, 7)]]
    with rasterio.open(OUT / "gcps.tif", "w", driver="GTiff", width=7, height=5, count=1, dtype="uint8", gcps=gcps,
                       crs="EPSG:4326") as out:
        out.write(np.zeros((1, 5, 7), "uint8"))

    manifest = {"gdal": rasterio.__gdal_version__, "cases": cases, "places": places}
    (OUT / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


main()
