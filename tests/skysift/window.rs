//! Tests of the window from the outside: the real program on a screen that exists only in memory.

use super::incomplete::write_deflated;
use super::remote::{self, Server};
use super::screen::{FIRST, Running, SECOND, Screen, count, middle, open_picture, wait_until};
use super::support::{skysift, tiny_model, write_striped_tiff};

/// A model of chance has no clear matches; these tests look for the strong colours that such have.
const ALL_CLEAR: &str = "--threshold=-1";

#[test]
fn a_screenshot_shows_the_boxes_of_both_keywords() {
    let Some(screen) = Screen::start(&[]) else { return };
    let picture = screen.path("window.png");
    let output = screen
        .skysift()
        .arg(screen.scene())
        .args([
            "-k", "harbor", "-k", "beach", "--tile", "32", "--device", "cpu", ALL_CLEAR, "--exit", "--model",
        ])
        .arg(tiny_model())
        .arg("--screenshot")
        .arg(&picture)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let picture = open_picture(&picture);
    assert_eq!(picture.dimensions(), (1280, 800));
    assert!(count(&picture, middle, FIRST) > 300, "no boxes of the first keyword");
    assert!(count(&picture, middle, SECOND) > 300, "no boxes of the second keyword");
    // Nothing is remembered of a screenshot.
    assert!(!screen.path("window.ron").exists());
}

/// What was found is shown all the same, and what is missing is told by banner and exit status.
#[test]
fn a_scan_that_could_not_read_all_is_shown_and_fails() {
    let Some(screen) = Screen::start(&[]) else { return };
    let (scene, picture) = (screen.path("damaged.tif"), screen.path("window.png"));
    write_deflated(&scene, (640, 640), Some(9));
    let output = screen
        .skysift()
        .arg(&scene)
        .args(["-k", "harbor", "--tile", "32", "--device", "cpu", ALL_CLEAR, "--exit", "--model"])
        .arg(tiny_model())
        .arg("--screenshot")
        .arg(&picture)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("windows could not be read: "), "{message}");
    let picture = open_picture(&picture);
    assert!(count(&picture, middle, FIRST) > 300, "no boxes of what was found");
    assert!(
        count(&picture, middle, [92, 38, 36]) + count(&picture, middle, [252, 222, 218]) > 3000,
        "no banner"
    );
}

#[test]
fn a_screenshot_without_keywords_shows_the_scene_alone() {
    let Some(screen) = Screen::start(&[]) else { return };
    let picture = screen.path("window.png");
    let status =
        screen.skysift().arg(screen.scene()).arg("--exit").arg("--screenshot").arg(&picture).status();
    assert!(status.unwrap().success());
    let picture = open_picture(&picture);
    assert_eq!(count(&picture, middle, FIRST), 0);
    // The scene's greys fill most of the middle.
    let grey = |pixel: &image::Rgb<u8>| {
        let [red, green, blue] = pixel.0;
        (60..126).contains(&red) && red.abs_diff(green) <= 2 && red.abs_diff(blue) <= 2
    };
    let greys = picture.enumerate_pixels().filter(|(x, y, pixel)| middle(*x, *y) && grey(pixel));
    assert!(greys.count() > 150_000);
}

#[test]
fn the_sample_scene_is_painted_once_and_scanned() {
    let Some(screen) = Screen::start(&[]) else { return };
    let picture = screen.path("window.png");
    let scene = screen.path("skysift/sample-scene");
    let mut painted = Vec::new();
    for _ in 0..2 {
        let output = screen
            .skysift()
            .env("XDG_CACHE_HOME", screen.folder())
            .args(["--sample", "--tile", "256", "--device", "cpu", ALL_CLEAR, "--exit", "--model"])
            .arg(tiny_model())
            .arg("--screenshot")
            .arg(&picture)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(count(&open_picture(&picture), middle, FIRST) > 300, "no boxes of harbors");
        // Elsewhere than on Linux the cache lies where that system has it.
        if cfg!(target_os = "linux") {
            let folder = scene.read_dir().unwrap().next().unwrap().unwrap().path();
            painted.push(folder.join("sample-coast.tif").metadata().unwrap().modified().unwrap());
        }
    }
    assert!(painted.windows(2).all(|times| times[0] == times[1]), "it was painted twice");
}

#[test]
fn a_screenshot_of_nothing_fails_with_one_line() {
    let Some(screen) = Screen::start(&[]) else { return };
    let text = screen.path("notes.tif");
    std::fs::write(&text, "not pixels").unwrap();
    for image in [screen.path("missing.png"), text] {
        let target = screen.path("window.png");
        let output =
            screen.skysift().arg(&image).arg("--exit").arg("--screenshot").arg(&target).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8_lossy(&output.stderr);
        let ours: Vec<&str> = message.lines().filter(|line| line.starts_with("skysift: ")).collect();
        assert_eq!(ours.len(), 1, "{message}");
        assert!(ours[0].contains(&*image.file_name().unwrap().to_string_lossy()), "{message}");
        assert!(!target.exists());
    }
}

/// Other systems always have one.
#[cfg(target_os = "linux")]
#[test]
fn without_a_display_the_way_out_is_named() {
    let output = skysift()
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("skysift detect"), "{message}");
}

#[test]
fn keywords_are_typed_and_boxes_appear_while_one_zooms() {
    let Some(screen) = Screen::start(&["xdotool", "imagemagick"]) else { return };
    let log = screen.path("frames.csv");
    let mut command = screen.skysift();
    command.arg(screen.scene()).args(["--tile", "32", ALL_CLEAR, "--model"]).arg(tiny_model());
    let mut running = Running::start(&screen, command.arg("--frame-log").arg(&log), "scene.png");
    running.press_until("ctrl+k", "the field for keywords", |running| running.has_focus("Keywords"));
    running.type_text("Keywords", "dock");
    running.press("Return");
    running.wait_for("Button", "Remove dock");
    assert_eq!(count(&running.look(), middle, FIRST), 0);
    running.press("ctrl+Return");
    wait_until("the boxes", || count(&running.look(), middle, FIRST) > 100);

    // The scene comes along with the pointer, and the pixel under it is told meanwhile.
    let from = (640, 400);
    let mut before = running.pixel_under(from);
    let near = |(x, y): (i64, i64), (to_x, to_y): (i64, i64)| (x - to_x).abs() <= 1 && (y - to_y).abs() <= 1;
    // A press that a busy window doesn't take is made again, as a person would.
    wait_until("the scene to move", || {
        before = running.pixel_under(from);
        running.press_button_at(from);
        let moved = (0..50).any(|_| near(running.pixel_under((from.0 + 60, from.1 + 30)), before));
        if !moved {
            running.release_button();
        }
        moved
    });
    running.release_button();
    let by = |pixels: f64| (pixels * 100.0 / running.zoom()).round() as i64;
    let beside = (before.0 - by(60.0), before.1 - by(30.0));
    wait_until("what lies left of and above it", || near(running.pixel_under(from), beside));
    // Each turn of the wheel shows more of it or less.
    for (button, larger) in [("4", true), ("5", false)] {
        let zoom = running.zoom();
        running.turn_wheel(button);
        wait_until("another size", || if larger { running.zoom() > zoom } else { running.zoom() < zoom });
    }
    wait_until("frames in the log", || {
        running.turn_wheel("4");
        running.turn_wheel("5");
        std::fs::read_to_string(&log).is_ok_and(|text| text.lines().count() > 20)
    });
    running.end();
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("frame,ms\n"));
    let times: Vec<f64> =
        text.lines().skip(1).filter_map(|line| line.split_once(',')?.1.parse().ok()).collect();
    assert!(times.iter().all(|ms| *ms >= 0.0) && times.iter().any(|ms| *ms > 0.0));
}

#[test]
fn bands_and_stretch_change_the_picture() {
    let Some(screen) = Screen::start(&["xdotool", "imagemagick"]) else { return };
    let path = screen.path("colours.png");
    image::RgbImage::from_fn(640, 480, |x, y| image::Rgb([(60 + x / 12) as u8, (100 + y / 12) as u8, 200]))
        .save(&path)
        .unwrap();
    let running = Running::start(&screen, screen.skysift().arg(&path), "colours.png");
    let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 4.0);
    wait_until("the scene", || running.mean()[2] > 190.0);
    let before = running.mean();

    // The mark for black is dragged from its place to the right end.
    let shown = running.bring_into_sight("Image", "Histogram, Red: black at 0, white at 255");
    let [left, top, right, bottom] = shown.rect;
    let row = top.midpoint(bottom) as u32;
    running.press_button_at((left as u32 + 2, row));
    running.move_to(left.midpoint(right) as u32, row);
    let moved = |running: &Running, least: f64| {
        let histogram = running.find("Image", |label| label.starts_with("Histogram, Red: black at "));
        let black = histogram.and_then(|found| {
            found.label["Histogram, Red: black at ".len()..].split_once(',')?.0.parse::<f64>().ok()
        });
        black.is_some_and(|black| black > least)
    };
    wait_until("the mark in the middle", || moved(&running, 60.0));
    running.move_to(right as u32 - 2, row);
    wait_until("the mark at the right", || moved(&running, 110.0));
    running.release_button();
    wait_until("a picture without red", || {
        let [red, green, blue] = running.mean();
        red < 15.0 && near([before[0], green, blue], before)
    });
    running.bring_into_sight("Button", "Reset picture");
    running.click("Button", "Reset picture");
    wait_until("the picture as it was", || near(running.mean(), before));

    running.bring_into_sight("ComboBox", "Colours");
    running.click("ComboBox", "Colours");
    running.click("Button", "Single band");
    wait_until("a single band", || {
        let [red, green, blue] = running.mean();
        (red - green).abs() < 2.0 && (green - blue).abs() < 2.0
    });
    running.wait_for("ComboBox", "Band");
}

#[test]
fn a_scene_on_a_server_is_opened_by_its_address() {
    let Some(screen) = Screen::start(&["xdotool", "imagemagick"]) else { return };
    let server = Server::new(remote::tiff(600));
    let address = server.url("noise.tif").display().to_string();
    let mut command = screen.skysift();
    let running = Running::start(&screen, command.env("XDG_CACHE_HOME", screen.folder()), "Skysift");
    running.press_until("ctrl+u", "the field for an address", |running| running.has_focus("Address"));
    running.type_text("Address", &address);
    running.press("Return");
    wait_until("the title", || running.has_title("noise.tif"));
    // Its noise has all greys.
    wait_until("the picture", || {
        let picture = running.look();
        let mut greys = [false; 256];
        for (x, y, pixel) in picture.enumerate_pixels() {
            let [red, green, blue] = pixel.0;
            greys[usize::from(red)] |= middle(x, y) && red == green && green == blue;
        }
        greys.iter().filter(|seen| **seen).count() > 100
    });
}

#[test]
fn overviews_are_made_in_the_background() {
    let Some(screen) = Screen::start(&["xdotool", "imagemagick"]) else { return };
    let folder = screen.path("scenes");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("board.tif");
    // Single pixels of a chequered board are black or white; only means of them are grey.
    write_striped_tiff(&path, (5200, 4000), |x, y| [if (x + y) % 2 == 0 { 0 } else { 255 }; 3]);
    let mut command = screen.skysift();
    command.env("XDG_CACHE_HOME", screen.folder()).arg(&path);
    let running = Running::start(&screen, &mut command, "board.tif");
    wait_until("the grey of overviews", || count(&running.look(), middle, [128; 3]) > 300_000);
    // Elsewhere than on Linux the cache lies where that system has it.
    if cfg!(target_os = "linux") {
        let kept = screen.path("skysift/overviews");
        wait_until("a file of overviews", || kept.read_dir().is_ok_and(|entries| entries.count() == 1));
    }
    assert_eq!(folder.read_dir().unwrap().count(), 1, "something was written beside the image");
}

/// Elsewhere than on Linux the cache lies where that system has it.
#[cfg(target_os = "linux")]
#[test]
fn overviews_of_a_killed_window_are_made_anew() {
    let Some(screen) = Screen::start(&["xdotool", "imagemagick"]) else { return };
    let path = screen.path("board.tif");
    write_striped_tiff(&path, (9000, 7000), |x, y| [if (x + y) % 2 == 0 { 0 } else { 255 }; 3]);
    let kept = || -> Vec<String> {
        let Ok(entries) = screen.path("skysift/overviews").read_dir() else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let window = || {
        let mut command = screen.skysift();
        command.env("XDG_CACHE_HOME", screen.folder()).arg(&path);
        command
    };
    let mut killed = window().args(["--device", "cpu"]).spawn().unwrap();
    wait_until("the beginning of overviews", || !kept().is_empty());
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(kept().iter().all(|name| name.starts_with(".unfinished-")), "{:?}", kept());

    let running = Running::start(&screen, &mut window(), "board.tif");
    wait_until("whole overviews", || kept().iter().any(|name| !name.starts_with(".unfinished-")));
    wait_until("the grey of overviews", || count(&running.look(), middle, [128; 3]) > 300_000);
}
