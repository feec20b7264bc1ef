"""Writes `places/systems.json`: positions in a few hundred coordinate systems of every kind, and where they lie.

    pip install pyproj==3.7.2
    python epsg.py

Places are PROJ's own, without grids, longitude before latitude. For each kind there are as few systems as have every
projection, ellipsoid, prime meridian and unit once; some are also written as well-known text (of GDAL, of ESRI, and of
2019), PROJJSON and PROJ strings, and others as the GeoKeys of a GeoTIFF.
"""

import json
import math
import sys
import warnings
from pathlib import Path

from pyproj import CRS, Transformer, network
from pyproj.database import query_crs_info
from pyproj.enums import PJType, WktVersion

OUT = Path(__file__).parent / "places" / "systems.json"
GLOBE = CRS("EPSG:4326")


def place(system, lon, lat):
    """A position in a system near a longitude and latitude, and where that lies; None where PROJ has no way."""
    try:
        there = Transformer.from_crs(GLOBE, system, always_xy=True)
        back = Transformer.from_crs(system, GLOBE, always_xy=True)
        x, y = there.transform(lon, lat)
        x, y = float(f"{x:.9g}"), float(f"{y:.9g}")
        near = (lon, lat)
        lon, lat = back.transform(x, y)
        # A way back that doesn't come back differs from version to version.
        if max(abs((lon - near[0] + 180) % 360 - 180), abs(lat - near[1])) > 1e-3:
            return None
    except Exception as error:
        print("no way:", system.name, error, file=sys.stderr)
        return None
    if not all(math.isfinite(number) for number in (x, y, lon, lat)):
        return None
    return {"x": x, "y": y, "lon": round(lon, 9), "lat": round(lat, 9)}


def centre(system):
    area = system.area_of_use
    if area is None:
        return 10.3, 45.2
    east = area.east if area.east > area.west else area.east + 360
    lon = (area.west + east) / 2 + 0.017
    return (lon + 180) % 360 - 180, (area.south + area.north) / 2 + 0.013


def traits(system):
    """What a system has that others may not."""
    datum = system.datum
    found = {("ellipsoid", system.ellipsoid.name), ("unit", system.axis_info[0].unit_name)}
    found.add(("axes", tuple(axis.direction for axis in system.axis_info)))
    if system.prime_meridian:
        found.add(("meridian", system.prime_meridian.name))
    if system.coordinate_operation:
        found.add(("method", system.coordinate_operation.method_name))
        found.add(("method and unit", system.coordinate_operation.method_name, system.axis_info[0].unit_name))
    return found


def chosen(authority, most):
    """Few systems with every trait."""
    kinds = [PJType.PROJECTED_CRS, PJType.GEOGRAPHIC_2D_CRS]
    codes = query_crs_info(auth_name=authority, pj_types=kinds, allow_deprecated=False)
    seen, kept = set(), []
    for info in codes:
        system = CRS.from_authority(authority, info.code)
        # Other bodies than the earth.
        if not 6.2e6 < system.ellipsoid.semi_major_metre < 6.5e6:
            continue
        new = traits(system) - seen
        # Every twentieth as well, so that usual ones are among them.
        if new or len(kept) % 20 == 0 and int(info.code) % 7 == 0:
            found = place(system, *centre(system))
            if found:
                seen |= new
                kept.append((info.code, system, found))
        if len(kept) == most:
            break
    return kept


def texts(code, system, found):
    """The same system in every way of writing."""
    forms = {
        "wkt1_gdal": lambda: system.to_wkt(WktVersion.WKT1_GDAL),
        "wkt1_esri": lambda: system.to_wkt(WktVersion.WKT1_ESRI),
        "wkt2": lambda: system.to_wkt(WktVersion.WKT2_2019_SIMPLIFIED),
        "projjson": lambda: json.dumps(system.to_json_dict(), separators=(",", ":")),
        "proj": lambda: system.to_proj4(),
    }
    for form, write in forms.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                text = write()
                if not text or " +type=crs" == text:
                    continue
                # What a way of writing loses is lost for everybody.
                again = place(CRS(text), found["lon"], found["lat"])
                x, y = found["x"], found["y"]
                back = Transformer.from_crs(CRS(text), GLOBE, always_xy=True)
                lon, lat = back.transform(x, y)
        except Exception:
            continue
        if again is None or not math.isfinite(lon):
            continue
        yield {"form": form, "of": code, "text": text, "x": x, "y": y, "lon": round(lon, 9), "lat": round(lat, 9)}


def keys():
    """GeoKeys that define a system themselves, each with PROJ's words for the same."""
    projected, user = [1024, 1], [3072, 32767]
    own = [projected, user, [3074, 32767]]
    wgs84, metre = [2048, 4326], [3076, 9001]

    def projection(method, **values):
        names = {
            "lat": 3081, "lon": 3080, "p1": 3078, "p2": 3079, "e": 3082, "n": 3083, "k": 3092, "kc": 3093,
            "azimuth": 3094, "pole": 3095, "angle": 3096, "clon": 3088, "clat": 3089, "flon": 3084, "flat": 3085,
            "fe": 3086, "fn": 3087, "ce": 3090, "cn": 3091,
        }
        return [[3075, method]] + [[names[name], float(value)] for name, value in values.items()]

    def listed(name, proj, lon, lat, *parts):
        return {"name": name, "keys": [key for part in parts for key in (part if isinstance(part[0], list) else [part])],
                "proj": proj, "near": [lon, lat]}

    w = " +datum=WGS84 +type=crs"
    yield listed("transverse Mercator", "+proj=tmerc +lat_0=1 +lon_0=15 +k=0.9996 +x_0=500000 +y_0=100" + w, 15.3, 45, own, wgs84, metre, projection(1, lat=1, lon=15, k=0.9996, e=500000, n=100))
    yield listed("Hotine oblique Mercator", "+proj=omerc +no_uoff +lat_0=4 +lonc=115 +alpha=53.3 +gamma=53.1 +k=0.99984 +x_0=0 +y_0=0" + w, 115.2, 4.3, own, wgs84, metre, projection(3, clat=4, clon=115, azimuth=53.3, angle=53.1, kc=0.99984, e=0, n=0))
    yield listed("Hotine oblique Mercator, azimuth at the centre", "+proj=omerc +lat_0=4 +lonc=115 +alpha=53.3 +gamma=53.1 +k=0.99984 +x_0=590476 +y_0=442857" + w, 115.2, 4.3, own, wgs84, metre, projection(29, clat=4, clon=115, azimuth=53.3, angle=53.1, kc=0.99984, ce=590476, cn=442857))
    yield listed("Swiss oblique Mercator", "+proj=somerc +lat_0=46.95 +lon_0=7.44 +k_0=1 +x_0=600000 +y_0=200000" + w, 8, 47, own, wgs84, metre, projection(5, clat=46.95, clon=7.44, ce=600000, cn=200000))
    yield listed("Mercator with a scale", "+proj=merc +lon_0=110 +k=0.997 +x_0=3900000 +y_0=900000" + w, 112, -3, own, wgs84, metre, projection(7, lat=0, lon=110, k=0.997, e=3900000, n=900000))
    yield listed("Mercator with a parallel", "+proj=merc +lat_ts=42 +lon_0=51" + w, 52, 43, own, wgs84, metre, projection(7, p1=42, lon=51, e=0, n=0))
    yield listed("Lambert conic, two parallels", "+proj=lcc +lat_0=23 +lon_0=-96 +lat_1=33 +lat_2=45 +x_0=10 +y_0=20" + w, -90, 40, own, wgs84, metre, projection(8, p1=33, p2=45, flat=23, flon=-96, fe=10, fn=20))
    yield listed("Lambert conic, one parallel", "+proj=lcc +lat_0=46.8 +lon_0=2.3 +lat_1=46.8 +k_0=0.99987742 +x_0=600000 +y_0=2200000" + w, 2.5, 47, own, wgs84, metre, projection(9, lat=46.8, lon=2.3, k=0.99987742, e=600000, n=2200000))
    yield listed("Lambert azimuthal", "+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000" + w, 12, 50, own, wgs84, metre, projection(10, clat=52, clon=10, e=4321000, n=3210000))
    yield listed("Albers, as Landsat ARD", "+proj=aea +lat_0=23 +lon_0=-96 +lat_1=29.5 +lat_2=45.5" + w, -100, 38, own, wgs84, metre, projection(11, p1=29.5, p2=45.5, lat=23, lon=-96, e=0, n=0))
    yield listed("azimuthal equidistant", "+proj=aeqd +lat_0=50 +lon_0=10 +x_0=1000" + w, 11, 51, own, wgs84, metre, projection(12, clat=50, clon=10, e=1000, n=0))
    yield listed("equidistant conic", "+proj=eqdc +lat_0=39 +lon_0=-96 +lat_1=33 +lat_2=45" + w, -97, 40, own, wgs84, metre, projection(13, p1=33, p2=45, lat=39, lon=-96, e=0, n=0))
    yield listed("stereographic", "+proj=stere +lat_0=40 +lon_0=20 +k=0.9999" + w, 21, 41, own, wgs84, metre, projection(14, clat=40, clon=20, k=0.9999, e=0, n=0))
    yield listed("polar stereographic with a scale", "+proj=stere +lat_0=90 +lon_0=-45 +k=0.994 +x_0=2000000 +y_0=2000000" + w, -40, 80, own, wgs84, metre, projection(15, lat=90, pole=-45, k=0.994, e=2000000, n=2000000))
    yield listed("polar stereographic with a parallel as origin", "+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45" + w, -40, 80, own, wgs84, metre, projection(15, lat=70, pole=-45, k=1, e=0, n=0))
    yield listed("polar stereographic in the south", "+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=30" + w, 40, -80, own, wgs84, metre, projection(15, lat=-71, pole=30, k=1, e=0, n=0))
    yield listed("oblique stereographic", "+proj=sterea +lat_0=46 +lon_0=25 +k=0.99975 +x_0=500000 +y_0=500000" + w, 26, 45, own, wgs84, metre, projection(16, lat=46, lon=25, k=0.99975, e=500000, n=500000))
    yield listed("equidistant cylindrical", "+proj=eqc +lat_ts=30 +lat_0=0 +lon_0=5" + w, 12, 50, own, wgs84, metre, projection(17, p1=30, clat=0, clon=5, e=0, n=0))
    yield listed("Cassini", "+proj=cass +lat_0=10 +lon_0=-61 +x_0=86501 +y_0=65379" + w, -61.2, 10.3, own, wgs84, metre, projection(18, lat=10, lon=-61, e=86501, n=65379))
    yield listed("gnomonic", "+proj=gnom +lat_0=45 +lon_0=5" + w, 6, 46, own, wgs84, metre, projection(19, clat=45, clon=5, e=0, n=0))
    yield listed("Miller", "+proj=mill +lon_0=5" + w, 12, 50, own, wgs84, metre, projection(20, clat=0, clon=5, e=0, n=0))
    yield listed("orthographic", "+proj=ortho +lat_0=45 +lon_0=5" + w, 12, 50, own, wgs84, metre, projection(21, clat=45, clon=5, e=0, n=0))
    yield listed("polyconic", "+proj=poly +lat_0=0 +lon_0=-54 +x_0=5000000 +y_0=10000000" + w, -50, -10, own, wgs84, metre, projection(22, lat=0, lon=-54, e=5000000, n=10000000))
    yield listed("Robinson", "+proj=robin +lon_0=5" + w, 12, 50, own, wgs84, metre, projection(23, clon=5, e=0, n=0))
    sphere = [[2048, 32767], [2050, 32767], [2054, 9102], [2056, 32767], [2057, 6371007.181], [2058, 6371007.181], [2061, 0.0]]
    yield listed("sinusoidal on a sphere, as MODIS", "+proj=sinu +lon_0=0 +R=6371007.181 +type=crs", 15, 50, own, sphere, metre, projection(24, clon=0, e=0, n=0))
    yield listed("van der Grinten", "+proj=vandg +lon_0=5 +R=6371007.181 +type=crs", 12, 50, own, sphere, metre, projection(25, clon=5, e=0, n=0))
    yield listed("New Zealand map grid", "+proj=nzmg +lat_0=-41 +lon_0=173 +x_0=2510000 +y_0=6023150 +datum=nzgd49 +type=crs", 174, -41, own, [2048, 4272], metre, projection(26, lat=-41, lon=173, e=2510000, n=6023150))
    yield listed("transverse Mercator to the south", "+proj=tmerc +axis=wsu +lat_0=0 +lon_0=29 +k=1 +ellps=WGS84 +towgs84=0,0,0 +type=crs", 28.5, -26, own, [2048, 4148], metre, projection(27, lat=0, lon=29, k=1, e=0, n=0))
    yield listed("cylindrical equal area", "+proj=cea +lat_ts=30 +lon_0=0" + w, 12, 50, own, wgs84, metre, projection(28, p1=30, lon=0, e=0, n=0))
    yield listed("Laborde", "+proj=labrd +lat_0=-18.9 +lon_0=46.43722916666667 +azi=18.9 +k=0.9995 +x_0=400000 +y_0=800000" + w, 47, -19, own, wgs84, metre, projection(4, clat=-18.9, clon=46.43722916666667, azimuth=18.9, kc=0.9995, e=400000, n=800000))
    # Units, datums, prime meridians.
    yield listed("false easting in US feet", "+proj=lcc +lat_0=40.1666666666667 +lon_0=-74 +lat_1=41.0333333333333 +lat_2=40.6666666666667 +x_0=300000 +units=us-ft +datum=NAD83 +type=crs", -73.9, 40.7, own, [2048, 4269], [3076, 9003], projection(8, p1=41.0333333333333, p2=40.6666666666667, flat=40.1666666666667, flon=-74, fe=984250, fn=0))
    yield listed("a unit by its size", "+proj=tmerc +lon_0=15 +k=1 +x_0=500000 +to_meter=2" + w, 15.3, 45, own, wgs84, [[3076, 32767], [3077, 2.0]], projection(1, lat=0, lon=15, k=1, e=250000, n=0))
    yield listed("angles in grads from Paris", "+proj=lcc +lat_1=46.8 +lat_0=46.8 +lon_0=0 +k_0=0.99987742 +x_0=600000 +y_0=2200000 +a=6378249.2 +b=6356515 +towgs84=-168,-60,320 +pm=paris +type=crs", 2.5, 47, own, [2048, 4807], [2054, 9105], metre, projection(9, lat=52, lon=0, k=0.99987742, e=600000, n=2200000))
    yield listed("a prime meridian by its longitude", "+proj=tmerc +lat_0=0 +lon_0=1 +k=1 +ellps=bessel +pm=17.6666666666667 +type=crs", 18.9, 45, own, [[2048, 32767], [2050, 32767], [2054, 9102], [2056, 7004], [2061, 17.6666666666667]], metre, projection(1, lat=0, lon=1, k=1, e=0, n=0))
    yield listed("a datum with its shift", "+proj=tmerc +lat_0=0 +lon_0=9 +k=1 +x_0=3500000 +ellps=bessel +towgs84=598.1,73.7,418.2,0.202,0.045,-2.455,6.7 +type=crs", 9.3, 50, own, [[2048, 32767], [2050, 32767], [2054, 9102], [2056, 7004], [2062, [598.1, 73.7, 418.2, 0.202, 0.045, -2.455, 6.7]]], metre, projection(1, lat=0, lon=9, k=1, e=3500000, n=0))
    yield listed("a datum by its code", "+proj=tmerc +lat_0=0 +lon_0=-99 +k=0.9996 +x_0=500000 +datum=NAD83 +type=crs", -98.7, 36, own, [[2048, 32767], [2050, 6269]], metre, projection(1, lat=0, lon=-99, k=0.9996, e=500000, n=0))
    yield listed("a projection by its code", "+proj=utm +zone=33 +ellps=intl +towgs84=-87,-98,-121 +type=crs", 15.3, 45, [projected, user, [2048, 4230], [3074, 16033]], metre)
    yield listed("degrees", "+proj=longlat +datum=WGS84 +type=crs", 15.3, 45, [[1024, 2], [2048, 4326], [2054, 9102]])
    yield listed("grads in place of degrees", "+proj=longlat +datum=WGS84 +type=crs", 15.3, 45, [[1024, 2], [2048, 4326], [2054, 9105]])
    yield listed("kilometres in place of metres", "+proj=utm +zone=33 +units=km" + w, 15.3, 45, [projected, [3072, 32633], [3076, 9036]])
    yield listed("ESRI's code", "ESRI:54009", 12, 50, [projected, [3072, 54009]])


# Where PROJ's string can't say the same, the code whose place it has.
SAME_PLACE = {
    "New Zealand map grid": "EPSG:27200",
    "transverse Mercator to the south": "EPSG:2053",
    "angles in grads from Paris": "EPSG:27572",
    "a projection by its code": "EPSG:23033",
}


def main():
    network.set_network_enabled(False)
    systems = chosen("EPSG", 330)
    codes = [{"code": f"EPSG:{code}", **found} for code, _, found in systems]
    esri = chosen("ESRI", 60)
    codes += [{"code": f"ESRI:{code}", **found} for code, _, found in esri]
    seen, kept, written = set(), [], []
    for code, system, found in systems + esri:
        method = system.coordinate_operation.method_name if system.coordinate_operation else None
        meridian = system.prime_meridian.name if system.prime_meridian else None
        new = {("method", method), ("meridian", meridian), ("unit", system.axis_info[0].unit_name)} - seen
        if new:
            seen |= new
            kept.append((code, system, found))
    # Half of them show every way of writing.
    for code, system, found in kept[::2]:
        written += texts(code, system, found)
    tags = []
    for entry in keys():
        lon, lat = entry.pop("near")
        proj = entry.pop("proj")
        system = CRS(SAME_PLACE.get(entry["name"]) or proj)
        found = place(system, lon, lat)
        if entry["name"] == "grads in place of degrees":
            found["x"], found["y"] = found["x"] / 0.9, found["y"] / 0.9
        tags.append({**entry, **found})
    OUT.parent.mkdir(exist_ok=True)
    lines = [[json.dumps(entry, ensure_ascii=False) for entry in part] for part in (codes, written, tags)]
    names = ["codes", "texts", "keys"]
    parts = [f' "{name}": [\n  ' + ",\n  ".join(part) + "\n ]" for name, part in zip(names, lines)]
    OUT.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    print(len(codes), "codes,", len(written), "texts,", len(tags), "sets of keys")


if __name__ == "__main__":
    main()
