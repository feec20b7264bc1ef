"""Writes `places/written.json`: places all over the globe, and how PROJ, GEOTRANS and Google write them.

    pip install pyproj==3.7.2 mgrs==1.6.0 openlocationcode==1.0.1
    python written_places.py

UTM and UPS are PROJ's, the letters and digits of MGRS are GEOTRANS's (by `mgrs`), and Plus codes are of their authors'
own library.
"""

import json
import random
from pathlib import Path

import mgrs
from openlocationcode import openlocationcode
from pyproj import Transformer

OUT = Path(__file__).parent / "places" / "written.json"
GRID = mgrs.MGRS()


def utm(lon, lat, code):
    """Zone, easting and northing by the zone that MGRS has there."""
    south = " +south" if lat < 0 else ""
    zone = code[:2] if code[0].isdigit() else None
    projection = f"utm +zone={int(zone)}" if zone else "ups"
    there = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
        f"+step +proj={projection}{south} +ellps=WGS84"
    )
    easting, northing = there.transform(lon, lat)
    return [zone and int(zone), round(easting, 2), round(northing, 2)]


def places():
    chance = random.Random(5)
    for lat in range(-88, 89, 4):
        for _ in range(3):
            yield chance.uniform(-180, 180), lat + chance.uniform(-1.9, 1.9)
    # Norway and Svalbard, the edges of zones and bands, and around the poles.
    for lon in (2.9, 3.1, 5.9, 6.1, 11.9, 12.1):
        for lat in (55.9, 56.1, 60, 63.9, 64.1):
            yield lon, lat
    for lon in (-0.1, 0.1, 8.9, 9.1, 20.9, 21.1, 32.9, 33.1, 41.9, 42.1):
        for lat in (71.9, 72.1, 78, 83.9):
            yield lon, lat
    for lat in (84.1, 87, 89.9, -80.1, -85, -89.9):
        for lon in (-179, -91, -89, -1, 1, 44, 89, 91, 179):
            yield lon, lat


found = []
for lon, lat in places():
    lon, lat = round(lon, 7), round(lat, 7)
    codes = [GRID.toMGRS(lat, lon, MGRSPrecision=digits) for digits in range(6)]
    # 1-digit zones have a zero in front there.
    codes = [code.lstrip("0") for code in codes]
    padded = GRID.toMGRS(lat, lon)
    found.append(
        {
            "lon": lon,
            "lat": lat,
            "mgrs": codes,
            "utm": utm(lon, lat, padded),
            "plus": openlocationcode.encode(lat, lon),
        }
    )
OUT.write_text("[\n" + ",\n".join(json.dumps(place) for place in found) + "\n]\n")
print(len(found), "places")
