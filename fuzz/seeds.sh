#!/usr/bin/env bash
# Fills corpus/ with what fuzzing starts from: the small fixtures, variants of them that GDAL writes where it is
# installed, and a few texts.
set -euo pipefail
cd "$(dirname "$0")"

fixtures=../tests/reference/raster
mkdir -p corpus/scene corpus/sidecars corpus/products
find "$fixtures" ../tests/reference/fuzz -type f -size -13k \
    \( -name '*.tif' -o -name '*.png' -o -name '*.jpg' -o -name '*.webp' -o -name 'scene_*' \) \
    -exec cp -t corpus/scene {} + 2>/dev/null || true
for finding in ../tests/reference/fuzz/sidecars_* ../tests/reference/fuzz/products_*; do
    [ -f "$finding" ] || continue
    target=$(basename "$finding")
    cp "$finding" "corpus/${target%%_*}/"
done

# Writes what stdin says, behind the byte that tells the target what it is.
seed() {
    { printf '%s' "$2"; cat; } >"corpus/$1"
}

variant() {
    gdal_translate -q --config GDAL_PAM_ENABLED NO "${@:3}" "$fixtures/$1" "corpus/scene/$2" 2>/dev/null ||
        rm -f "corpus/scene/$2"
}

if command -v gdal_translate >/dev/null; then
    variant utm33.tif one_tile.jp2 -of JP2OpenJPEG
    variant strips_lzw.tif tiles.jp2 -of JP2OpenJPEG -outsize 150 130 -co BLOCKXSIZE=64 -co BLOCKYSIZE=64
    variant strips_lzw.tif bare.j2k -of JP2OpenJPEG -outsize 70 50 -co CODEC=J2K -co RESOLUTIONS=3
    variant rgb.png reversible.jp2 -of JP2OpenJPEG -outsize 40 40 -co REVERSIBLE=YES -co QUALITY=100 -co YCC=YES
    variant bgra_uint16.tif sixteen.jp2 -of JP2OpenJPEG -outsize 33 21 -co QUALITY=100 -co REVERSIBLE=YES
    variant palette.tif palette.jp2 -of JP2OpenJPEG -outsize 20 20
    variant twelve_bits.tif nbits.jp2 -of JP2OpenJPEG -co NBITS=12
    variant rgb.png lossy.webp -of WEBP -outsize 30 20
    variant rgb.png progressive.jpg -of JPEG -outsize 30 20 -co PROGRESSIVE=YES
    variant one_bit.tif one_bit.png -of PNG -co NBITS=1
    variant palette.tif palette.png -of PNG -outsize 10 10
    for compression in LZW DEFLATE PACKBITS ZSTD LERC WEBP JPEG; do
        variant rgb.png "small_$compression.tif" -of GTiff -outsize 24 20 -co COMPRESS=$compression -co TILED=YES \
            -co BLOCKXSIZE=16 -co BLOCKYSIZE=16
    done
    variant rgb.png small_predictor.tif -of GTiff -outsize 24 20 -co COMPRESS=LZW -co PREDICTOR=2 -co BIGTIFF=YES
    variant rgb.png small_planes.tif -of GTiff -outsize 24 20 -co INTERLEAVE=BAND -co ENDIANNESS=BIG
    variant rgb.png small_float.tif -of GTiff -outsize 24 20 -ot Float32 -co COMPRESS=DEFLATE -co PREDICTOR=3
    variant rgb.png small_cog.tif -of COG -outsize 70 60 -co BLOCKSIZE=32 -co COMPRESS=DEFLATE
else
    echo "GDAL is not installed: there are no seeds for JPEG 2000"
fi

seed sidecars/aux a <<'X'
<PAMDataset><SRS>EPSG:32633</SRS><GeoTransform>5e5, 10, 0, 5e6, 0, -10</GeoTransform>
<PAMRasterBand band="1"><Description>red</Description><NoDataValue>-1</NoDataValue><ColorInterp>Palette</ColorInterp>
<ColorTable><Entry c1="1" c2="2" c3="3" c4="255"/><Entry c1="255" c2="0" c3="9" c4="255"/></ColorTable>
<Metadata><MDI key="STATISTICS_MINIMUM">0</MDI><MDI key="STATISTICS_MAXIMUM">9</MDI><MDI key="STATISTICS_MEAN">4</MDI>
<MDI key="STATISTICS_STDDEV">2</MDI></Metadata></PAMRasterBand></PAMDataset>
X
seed sidecars/aux_gcps a <<'X'
<PAMDataset><GCPList Projection="EPSG:4326"><GCP Id="1" Pixel="0" Line="0" X="10" Y="50"/>
<GCP Pixel="9" Line="0" X="11" Y="50"/><GCP Pixel="0" Line="9" X="10" Y="49"/><GCP Pixel="9" Line="9" X="11" Y="49"/>
<GCP Pixel="5" Line="5" X="10.5" Y="49.5"/><GCP Pixel="2" Line="7" X="10.2" Y="49.3"/></GCPList></PAMDataset>
X
seed sidecars/world w <<<$'10\n0\n0\n-10\n500000\n5000000'
seed sidecars/prj_utm p <<'X'
PROJCS["UTM",GEOGCS["WGS 84",DATUM["D",SPHEROID["S",6378137,298.257223563],TOWGS84[1,2,3,0,0,0,0]],PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000],PARAMETER["Central_Meridian",15],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0],UNIT["Meter",1]]
X
seed sidecars/prj_lambert p <<'X'
PROJCRS["L",BASEGEOGCRS["ETRS89",DATUM["E",ELLIPSOID["GRS 1980",6378137,298.257222101]]],CONVERSION["c",METHOD["Lambert Conic Conformal (2SP)"],PARAMETER["Latitude of false origin",52],PARAMETER["Longitude of false origin",10],PARAMETER["Latitude of 1st standard parallel",35],PARAMETER["Latitude of 2nd standard parallel",65],PARAMETER["Easting at false origin",4000000],PARAMETER["Northing at false origin",2800000]],CS[Cartesian,2],LENGTHUNIT["metre",1]]
X
for code in 4326 3857 32760 3035 2193 5041 2263 28992 21781; do
    seed "sidecars/prj_$code" p <<<"EPSG:$code"
done
seed sidecars/vrt v <<'X'
<VRTDataset rasterXSize="40" rasterYSize="30"><SRS>EPSG:32633</SRS><GeoTransform>5e5, 10, 0, 5e6, 0, -10</GeoTransform>
<VRTRasterBand dataType="Int16" band="1"><NoDataValue>-9</NoDataValue><ColorInterp>Gray</ColorInterp>
<ComplexSource><SourceFilename relativeToVRT="1">x.tif</SourceFilename><SourceBand>1</SourceBand>
<SrcRect xOff="0" yOff="0" xSize="20" ySize="20"/><DstRect xOff="5.5" yOff="3" xSize="30" ySize="20"/>
<NODATA>3</NODATA><ScaleOffset>1</ScaleOffset><ScaleRatio>2</ScaleRatio><UseMaskBand>true</UseMaskBand></ComplexSource>
<SimpleSource><SourceFilename relativeToVRT="1">x.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
</VRTRasterBand><MaskBand><VRTRasterBand dataType="Byte"><SimpleSource>
<SourceFilename relativeToVRT="1">x.tif</SourceFilename><SourceBand>mask,1</SourceBand>
<DstRect xOff="0" yOff="0" xSize="4" ySize="4"/></SimpleSource></VRTRasterBand></MaskBand></VRTDataset>
X
seed products/landsat l <<<$'LC08_L1TP_1_2_3_T1_B2.TIF\nLC08_L1TP_1_2_3_T1_B8.TIF\nLC08_L1TP_1_2_3_T1_B3.TIF'
seed products/surface l <<<$'LC09_L2SP_1_2_3_T1_SR_B4.TIF\nLC09_L2SP_1_2_3_T1_ST_B10.TIF'
seed products/level1 1 <<<$'T33UUP_20200101T101031_B02.jp2\nT33UUP_20200101T101031_B8A.jp2\nT33UUP_B01.tif'
seed products/level2 2 <<<$'T33UUP_20200101T101031_B02_20m.jp2\nT33UUP_20200101T101031_B12_20m.jp2\nx_B09_60m.jp2'
echo "$(find corpus -type f | wc -l) seeds"
