//! Places in all forms, against what others write, and what is said of what isn't one.

use serde_json::Value;
use strum::IntoEnumIterator as _;

use super::*;
use crate::raster::georeference::geodesic;

fn globe(text: &str) -> (f64, f64) {
    match ReadPlace::of(text) {
        Ok(ReadPlace { place: Place::Globe { lon, lat }, .. }) => (lon, lat),
        other => panic!("{text}: {other:?}"),
    }
}

fn refused(text: &str) -> String {
    match ReadPlace::of(text) {
        Err(why) => why.to_string(),
        Ok(read) => panic!("{text} was read as {read:?}"),
    }
}

fn assert_near(text: &str, (lon, lat): (f64, f64), metres: f64) {
    let found = globe(text);
    let apart = geodesic::length(&[found, (lon, lat)]);
    assert!(apart <= metres, "{text} is {found:?}, {apart} m from {lon} {lat}");
}

#[test]
fn angles_in_every_way_of_writing() {
    for text in [
        "35.68, 139.77",
        "35.68,139.77",
        "35.68 139.77",
        "35.68;139.77",
        "+35.68 +139.77",
        "(35.68, 139.77)",
        "139.77E 35.68N",
        "35.68N 139.77E",
        "35.68N,139.77E",
        "N35.68 E139.77",
        "N 35.68, E 139.77",
        "35.68° N, 139.77° E",
        "35.68°, 139.77°",
        "35,68 139,77",
        "35,68; 139,77",
        "35,68, 139,77",
        "35,68° N 139,77° O".trim_end_matches(" O"),
        "lat 35.68 lon 139.77",
        "lat: 35.68, lng: 139.77",
        "longitude=139.77 latitude=35.68",
        "35.68 north 139.77 east",
        "latitude: 35.68 N, longitude: 139.77 E",
        "35°40'48\"N 139°46'12\"E",
        "35°40′48″N, 139°46′12″E",
        "35º40’48”N 139º46’12”E",
        "N35°40'48\" E139°46'12\"",
        "35°40'48''N 139°46'12''E",
        "35 40 48 N 139 46 12 E",
        "35 40 48 139 46 12",
        "35 40 48, 139 46 12",
        "35:40:48N 139:46:12E",
        "35:40:48 139:46:12",
        "35d40m48s 139d46m12s",
        "35d40m48sN 139d46m12sE",
        "35d 40m 48s N, 139d 46m 12s E",
        "35deg 40min 48sec north 139deg 46min 12sec east",
        "35 40.8 139 46.2",
        "35°40.8'N 139°46.2'E",
        "35 40,8 N 139 46,2 E",
        "N 35 40.8 E 139 46.2",
        "139°46'12\"E, 35°40'48\"N",
    ] {
        assert_near(text, (139.77, 35.68), 0.01);
    }
    assert_near("-33.8688, 151.2093", (151.2093, -33.8688), 0.01);
    assert_near("33.8688S 151.2093E", (151.2093, -33.8688), 0.01);
    assert_near("33°52'7.68\"S 151°12'33.48\"E", (151.2093, -33.8688), 0.01);
    assert_near("−33.8688 −70.5", (-70.5, -33.8688), 0.01);
    assert_near("-0.5 -0.25", (-0.25, -0.5), 0.01);
    assert_near("-0°30' -0°15'", (-0.25, -0.5), 0.01);
    // Longitudes up to 360.
    assert_near("10, 270", (-90.0, 10.0), 0.01);
}

#[test]
fn what_is_no_place_is_told_in_a_sentence() {
    for (text, part) in [
        ("", "Type a place"),
        ("Tokyo", "no place in a known form"),
        ("35.68", "half a place"),
        ("139.77, 35.68", "write 35.68, 139.77"),
        ("35.68N 139.77N", "Both angles are latitudes"),
        ("35.68E 139.77W", "Both angles are longitudes"),
        ("-35.68 S 139 E", "say the direction twice"),
        ("35°70' 139°10'", "less than 60 minutes"),
        ("35°10'61\" 139°10'", "less than 60 seconds"),
        ("35.5°10' 139°10'", "Only the last part"),
        ("95N 10E", "end at 90"),
        ("5N 190E", "end at 180"),
        ("386000 3950000", "map 386000 3950000"),
        ("1,5 2", "The commas"),
        ("61N 386000 3950000", "zones 1 to 60"),
        ("54S 386000 395000000", "lies nowhere"),
        ("54U 386000 1000000", "beyond"),
        ("54O 386000 3950000", "no band"),
        ("54SUE123", "as many digits"),
        ("54SAA", "no column A"),
        ("34XDD", "no zone 34"),
        ("54SUW", "no row"),
        ("map 3", "two numbers"),
        ("px a b", "two numbers"),
        ("MQJC+XX Tokyo", "short Plus code"),
        ("https://maps.app.goo.gl/abc", "short link"),
        ("https://www.google.com/maps", "names no place"),
        ("geo:here", "geo:35.68,139.77"),
        ("1.2.3, 4", "no place"),
    ] {
        let why = refused(text);
        assert!(why.contains(part), "{text}: {why}");
        assert!(why.chars().next().unwrap().is_uppercase() && !why.ends_with('.'), "{why}");
    }
    assert!(ReadPlace::of(&"1 ".repeat(9000)).is_err());
}

#[test]
fn letters_of_utm_that_mean_two_things_are_told() {
    let band = ReadPlace::of("54S 386000 3950000").unwrap();
    assert_eq!(band.form, "UTM zone 54, band S");
    assert!(band.remark.as_deref().unwrap().contains("54 south"), "{band:?}");
    assert_near("54S 386000 3950000", (139.741_23, 35.685_49), 2000.0);
    assert_near("54N 386000 3950000", globe("54S 386000 3950000"), 0.01);
    assert_near("54 north 386000 3950000", globe("54S 386000 3950000"), 0.01);
    assert_near("UTM zone 54 N 386000mE 3950000mN", globe("54S 386000 3950000"), 0.01);
    assert_near("54S 386000E, 3950000N", globe("54S 386000 3950000"), 0.01);
    // A northing that the band doesn't have is one of the hemisphere.
    let south = ReadPlace::of("56S 334000 6252000").unwrap();
    assert_eq!((south.form.as_str(), south.remark), ("UTM zone 56, southern hemisphere", None));
    assert_near("56H 334000 6252000", globe("56S 334000 6252000"), 0.01);
    assert!(globe("54 south 386000 3950000").1 < -54.0);
}

#[test]
fn links_of_web_maps() {
    for text in [
        "https://www.google.com/maps/@35.68,139.77,15z",
        "https://www.google.co.jp/maps/place/Tokyo/@35.1,139.1,17z/data=!3m1!4b1!4m6!3m5!8m2!3d35.68!4d139.77!16zL20",
        "https://maps.google.com/?q=35.68,139.77",
        "https://www.google.com/maps/search/?api=1&query=35.68%2C139.77",
        "https://www.google.com/maps/search/35.68,+139.77",
        "https://www.google.com/maps/place/35%C2%B040'48.0%22N+139%C2%B046'12.0%22E/@35.1,139.2,17z",
        "https://www.google.com/maps?ll=35.68,139.77&z=10",
        "https://www.openstreetmap.org/#map=15/35.68/139.77",
        "https://www.openstreetmap.org/?mlat=35.68&mlon=139.77#map=12/35.1/139.1",
        "openstreetmap.org/#map=5/35.68/139.77&layers=N",
        "https://www.bing.com/maps?cp=35.68~139.77&lvl=12",
        "https://maps.apple.com/?ll=35.68,139.77&z=10",
        "https://maps.apple.com/?q=Tower&ll=35.68,139.77",
        "https://maps.apple.com/place?coordinate=35.68,139.77&name=A",
        "https://yandex.com/maps/?ll=139.77%2C35.68&z=12",
        "https://opentopomap.org/#map=12/35.68/139.77",
        "https://browser.dataspace.copernicus.eu/?zoom=10&lat=35.68&lng=139.77",
        "geo:35.68,139.77",
        "geo:35.68,139.77;u=35?z=3",
        "geo:0,0?q=35.68,139.77(Tower)",
    ] {
        assert_near(text, (139.77, 35.68), 0.01);
    }
    assert_eq!(ReadPlace::of("https://osm.org/#map=3/1/2").unwrap().form, "OpenStreetMap link");
}

#[test]
fn map_and_pixels_are_the_scenes_own() {
    let place = |text: &str| ReadPlace::of(text).unwrap().place;
    assert_eq!(place("map 386000 3950000"), Place::Map { x: 386_000.0, y: 3_950_000.0 });
    assert_eq!(place("Map: 386000.5, -3950000"), Place::Map { x: 386_000.5, y: -3_950_000.0 });
    assert_eq!(place("px 1200 800"), Place::Pixel { x: 1200.0, y: 800.0 });
    assert_eq!(place("pixel 1200, 800.5"), Place::Pixel { x: 1200.0, y: 800.5 });
}

/// Places that `written_places.py` made all over the globe.
fn written() -> Vec<Value> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/places/written.json");
    let places: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert!(places.len() > 200);
    places
}

#[test]
fn the_globe_is_written_as_others_write_it() {
    for place in written() {
        let (lon, lat) = (place["lon"].as_f64().unwrap(), place["lat"].as_f64().unwrap());
        let codes: Vec<&str> =
            place["mgrs"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
        assert_eq!(PlaceForm::Mgrs.write(lon, lat).as_deref(), codes.last().copied(), "{lon} {lat}");
        assert_eq!(PlaceForm::PlusCode.write(lon, lat).as_deref(), place["plus"].as_str(), "{lon} {lat}");
        assert_near(place["plus"].as_str().unwrap(), (lon, lat), 14.0);
        for (digits, code) in codes.iter().enumerate() {
            // The middle of the square is half its diagonal away at most, and grids aren't quite the ground.
            let side = 10_f64.powi(5 - i32::try_from(digits).unwrap());
            assert_near(code, (lon, lat), side * 0.71 * 1.01);
            assert_near(&code.to_lowercase(), (lon, lat), side * 0.71 * 1.01);
        }
        let utm = PlaceForm::Utm.write(lon, lat).unwrap();
        let numbers: Vec<f64> = utm.split(' ').skip(1).map(|number| number.parse().unwrap()).collect();
        let [east, north] = [1, 2].map(|index: usize| place["utm"][index].as_f64().unwrap());
        assert!((numbers[0] - east).hypot(numbers[1] - north) < 0.1, "{utm} is not {east} {north}");
        let zone: String = utm.chars().take_while(char::is_ascii_digit).collect();
        assert_eq!(zone.parse().ok(), place["utm"][0].as_u64(), "{utm}");
    }
}

#[test]
fn what_is_written_is_read_again() {
    for place in written() {
        let (lon, lat) = (place["lon"].as_f64().unwrap(), place["lat"].as_f64().unwrap());
        for form in PlaceForm::iter() {
            let Some(text) = form.write(lon, lat) else { continue };
            let metres = match form {
                PlaceForm::PlusCode => 14.0,
                PlaceForm::Mgrs => 0.72,
                _ => 0.3,
            };
            assert_near(&text, (lon, lat), metres);
            // And once more the same.
            let (lon, lat) = globe(&text);
            assert_eq!(form.write(lon, lat), Some(text), "{form:?}");
        }
    }
    assert_eq!(
        PlaceForm::DegreesMinutesSeconds.write(139.77, -35.999_999_9).unwrap(),
        "36°00'00.00\" S, 139°46'12.00\" E"
    );
    assert_eq!(PlaceForm::DegreesMinutes.write(-0.5, 35.68).unwrap(), "35°40.8000' N, 0°30.0000' W");
}
