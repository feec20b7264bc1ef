//! Tests of the window from the outside: the real program on a screen that exists only in memory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::incomplete::write_deflated;
use super::remote::{self, Server};
use super::support::{skysift, tiny_model, write_striped_tiff};

/// The colours of the first two keywords.
const FIRST: [u8; 3] = [230, 159, 0];
const SECOND: [u8; 3] = [86, 180, 233];

/// A display of its own for one test.
struct Screen {
    server: Child,
    name: String,
    folder: tempfile::TempDir,
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Screen {
    /// Starts Xvfb. Says so and returns nothing where a needed program is missing.
    fn start(needed: &[&str]) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        for program in ["Xvfb"].iter().chain(needed) {
            if !is_installed(program) {
                println!("skipped: {program} is not installed");
                return None;
            }
        }
        // Numbers that no desktop uses, different for every process and test.
        let number = 200 + std::process::id() % 5000 * 8 + NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(":{number}");
        let server = Command::new("Xvfb")
            // It would begin anew when the last client leaves, and that is the one that asks whether it listens.
            .args([&name, "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let screen = Self { server, name, folder: tempfile::tempdir().unwrap() };
        let socket = PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
        wait_until("the display", || listens(&socket));
        Some(screen)
    }

    /// The program on this display, with nothing remembered.
    fn skysift(&self) -> Command {
        let mut command = skysift();
        command
            .env("DISPLAY", &self.name)
            .env_remove("WAYLAND_DISPLAY")
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("SKYSIFT_STATE_DIR", self.folder.path());
        command
    }

    /// One call of xdotool on this display.
    fn xdotool(&self, arguments: &[&str]) -> String {
        let output = Command::new("xdotool").env("DISPLAY", &self.name).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A scene of 640 x 480 grey pixels, so that every bright colour in the window is a box's.
    fn scene(&self) -> PathBuf {
        let path = self.path("scene.png");
        image::RgbImage::from_fn(640, 480, |x, y| {
            image::Rgb([u8::try_from((x / 8 + y / 8) % 64 + 60).unwrap(); 3])
        })
        .save(&path)
        .unwrap();
        path
    }
}

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(2);
    while !happened() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many pixels of a part of a picture have a colour.
fn count(picture: &image::RgbImage, part: impl Fn(u32, u32) -> bool, color: [u8; 3]) -> usize {
    let near = |a: u8, b: u8| a.abs_diff(b) <= 6;
    picture
        .enumerate_pixels()
        .filter(|(x, y, pixel)| part(*x, *y) && (0..3).all(|i| near(pixel.0[i], color[i])))
        .count()
}

fn open_picture(path: &Path) -> image::RgbImage {
    image::open(path).unwrap().into_rgb8()
}

/// The middle of the window, where the scene and its boxes are.
fn middle(x: u32, y: u32) -> bool {
    (340..1000).contains(&x) && (60..760).contains(&y)
}

/// Whether somebody answers: a server that was killed leaves its socket behind.
#[cfg(unix)]
fn listens(socket: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket).is_ok()
}

#[cfg(not(unix))]
fn listens(socket: &Path) -> bool {
    socket.exists()
}

#[test]
fn a_screenshot_shows_the_boxes_of_both_keywords() {
    let Some(screen) = Screen::start(&[]) else { return };
    let picture = screen.path("window.png");
    let output = screen
        .skysift()
        .arg(screen.scene())
        .args(["-k", "harbor", "-k", "beach", "--tile", "32", "--device", "cpu", "--exit", "--model"])
        .arg(tiny_model())
        .arg("--screenshot")
        .arg(&picture)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    if message.contains("no graphics driver") {
        println!("skipped: {message}");
        return;
    }
    assert!(output.status.success(), "{message}");
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
        .args(["-k", "harbor", "--tile", "32", "--device", "cpu", "--exit", "--model"])
        .arg(tiny_model())
        .arg("--screenshot")
        .arg(&picture)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    if message.contains("no graphics driver") {
        println!("skipped: {message}");
        return;
    }
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
            .env("XDG_CACHE_HOME", screen.folder.path())
            .args(["--sample", "--tile", "256", "--device", "cpu", "--exit", "--model"])
            .arg(tiny_model())
            .arg("--screenshot")
            .arg(&picture)
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        if message.contains("no graphics driver") {
            println!("skipped: {message}");
            return;
        }
        assert!(output.status.success(), "{message}");
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

#[test]
fn without_a_display_the_way_out_is_named() {
    let output = skysift()
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains("skysift detect"), "{message}");
    }
}

#[test]
fn keywords_are_typed_and_boxes_appear_while_one_zooms() {
    let Some(screen) = Screen::start(&["xdotool"]) else { return };
    let (picture, log) = (screen.path("window.png"), screen.path("frames.csv"));
    let mut program = screen
        .skysift()
        .arg(screen.scene())
        .args(["--tile", "32", "--device", "cpu", "--model"])
        .arg(tiny_model())
        .arg("--frame-log")
        .arg(&log)
        .spawn()
        .unwrap();
    let mut window = String::new();
    wait_until("the window", || {
        window = screen.xdotool(&["search", "--onlyvisible", "--name", "scene.png"]);
        !window.is_empty()
    });
    // Without a window manager nobody gives the keyboard to the window.
    screen.xdotool(&["windowfocus", &window]);
    pause();
    let shot = || {
        let saved = Command::new("import")
            .env("DISPLAY", &screen.name)
            .args(["-window", "root"])
            .arg(&picture)
            .status();
        saved.is_ok_and(|status| status.success()).then(|| open_picture(&picture))
    };
    let look = is_installed("import");
    // A busy machine may need a second try: keys that come before the window listens are lost.
    wait_until("the boxes", || {
        screen.xdotool(&["key", "ctrl+k"]);
        pause();
        screen.xdotool(&["type", "--delay", "20", "dock"]);
        screen.xdotool(&["key", "Return"]);
        pause();
        screen.xdotool(&["key", "ctrl+Return"]);
        pause();
        pause();
        !look || shot().is_some_and(|picture| count(&picture, middle, FIRST) > 100)
    });
    if !look {
        println!("not looked at: import is not installed");
    }
    screen.xdotool(&["mousemove", "--window", &window, "640", "400"]);
    screen.xdotool(&["mousedown", "1", "mousemove_relative", "60", "30", "mouseup", "1"]);
    // A busy machine draws several turns of the wheel in one frame.
    wait_until("frames in the log", || {
        for _ in 0..8 {
            screen.xdotool(&["click", "4"]);
            screen.xdotool(&["click", "5"]);
        }
        std::fs::read_to_string(&log).is_ok_and(|text| text.lines().count() > 20)
    });
    assert!(program.try_wait().unwrap().is_none(), "the program ended by itself");
    program.kill().unwrap();
    program.wait().unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("frame,ms\n"));
    let times: Vec<f64> =
        text.lines().skip(1).filter_map(|line| line.split_once(',')?.1.parse().ok()).collect();
    assert!(times.iter().all(|ms| *ms >= 0.0) && times.iter().any(|ms| *ms > 0.0));
}

/// Gives the window a moment to take what was typed.
fn pause() {
    std::thread::sleep(Duration::from_millis(500));
}

/// The program with its window on a screen.
struct Running<'a> {
    screen: &'a Screen,
    program: Child,
    window: String,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl<'a> Running<'a> {
    /// Starts the program, waits for the window with this in its title, and gives it the keyboard.
    fn start(screen: &'a Screen, command: &mut Command, title: &str) -> Self {
        let program = command.args(["--device", "cpu"]).spawn().unwrap();
        let mut running = Self { screen, program, window: String::new() };
        wait_until("the window", || {
            assert!(running.program.try_wait().unwrap().is_none(), "the program ended by itself");
            running.window = screen.xdotool(&["search", "--onlyvisible", "--name", title]);
            !running.window.is_empty()
        });
        screen.xdotool(&["windowfocus", &running.window]);
        pause();
        running
    }

    fn has_title(&self, title: &str) -> bool {
        self.screen.xdotool(&["search", "--onlyvisible", "--name", title]) == self.window
    }

    fn move_to(&self, x: u32, y: u32) {
        self.screen.xdotool(&["mousemove", "--window", &self.window, &x.to_string(), &y.to_string()]);
        std::thread::sleep(Duration::from_millis(200));
    }

    fn click(&self, x: u32, y: u32) {
        self.move_to(x, y);
        self.screen.xdotool(&["click", "1"]);
    }

    fn drag(&self, from: (u32, u32), to: (u32, u32)) {
        self.move_to(from.0, from.1);
        self.screen.xdotool(&["mousedown", "1"]);
        self.move_to(from.0.midpoint(to.0), from.1.midpoint(to.1));
        self.move_to(to.0, to.1);
        self.screen.xdotool(&["mouseup", "1"]);
    }

    /// What is on the screen; without a window manager the window lies at its top left corner.
    fn look(&self) -> image::RgbImage {
        let path = self.screen.path("look.png");
        let mut import = Command::new("import");
        import.env("DISPLAY", &self.screen.name).args(["-window", "root"]).arg(&path);
        assert!(import.status().unwrap().success());
        open_picture(&path)
    }

    /// The mean colour of the scene in the middle of the window.
    fn mean(&self) -> [f64; 3] {
        let picture = self.look();
        let inside =
            |(x, y, _): &(u32, u32, &image::Rgb<u8>)| (400..950).contains(x) && (150..700).contains(y);
        let mut sums = [0.0; 3];
        for (_, _, pixel) in picture.enumerate_pixels().filter(inside) {
            for (sum, value) in sums.iter_mut().zip(pixel.0) {
                *sum += f64::from(value);
            }
        }
        sums.map(|sum| sum / (550.0 * 550.0))
    }

    /// Whether the scene's mean colour becomes one that fits, within a few seconds.
    fn becomes(&self, fits: impl Fn([f64; 3]) -> bool) -> bool {
        (0..8).any(|_| {
            pause();
            fits(self.mean())
        })
    }

    /// Scrolls the panel at the left to its end. Returns the first row of the histogram of red there.
    fn red_histogram(&self) -> u32 {
        let red = |pixel: &image::Rgb<u8>| {
            pixel.0.iter().zip([214, 92, 84]).all(|(value, red): (&u8, u8)| value.abs_diff(red) <= 6)
        };
        let mut found = None;
        wait_until("the histogram", || {
            self.move_to(160, 400);
            for _ in 0..20 {
                self.screen.xdotool(&["click", "5"]);
            }
            pause();
            let picture = self.look();
            let mut panel = picture.enumerate_pixels().filter(|(x, y, _)| *x < 310 && *y > 40);
            let row = panel.find(|(_, _, pixel)| red(pixel)).map(|(_, y, _)| y);
            // Scrolling takes a few frames.
            std::mem::replace(&mut found, row) == row && row.is_some()
        });
        found.unwrap()
    }
}

#[test]
fn bands_and_stretch_change_the_picture() {
    let Some(screen) = Screen::start(&["xdotool", "import"]) else { return };
    let path = screen.path("colours.png");
    image::RgbImage::from_fn(640, 480, |x, y| image::Rgb([(60 + x / 12) as u8, (100 + y / 12) as u8, 200]))
        .save(&path)
        .unwrap();
    let running = Running::start(&screen, screen.skysift().arg(&path), "colours.png");
    let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 4.0);
    wait_until("the scene", || running.mean()[2] > 190.0);
    let before = running.mean();

    // The mark for black is dragged from the left end of the histogram to its right.
    wait_until("a stretch without red", || {
        let row = running.red_histogram() + 14;
        running.drag((18, row), (290, row));
        running.becomes(|[red, green, blue]| red < 15.0 && near([before[0], green, blue], before))
    });
    wait_until("the picture as it was", || {
        let row = running.red_histogram();
        running.click(58, row + 130);
        running.becomes(|mean| near(mean, before))
    });
    // Five rows further up is the list of colours; its second entry is a single band.
    wait_until("a single band", || {
        let row = running.red_histogram();
        running.click(180, row - 170);
        pause();
        running.click(150, row - 109);
        running.becomes(|[red, green, blue]| (red - green).abs() < 2.0 && (green - blue).abs() < 2.0)
    });
}

#[test]
fn a_scene_on_a_server_is_opened_by_its_address() {
    let Some(screen) = Screen::start(&["xdotool", "import"]) else { return };
    let server = Server::new(remote::tiff(600));
    let address = server.url("noise.tif").display().to_string();
    let mut command = screen.skysift();
    let running = Running::start(&screen, command.env("XDG_CACHE_HOME", screen.folder.path()), "Skysift");
    // A busy machine may need a second try.
    wait_until("the scene", || {
        for keys in [["key", "ctrl+u"], ["key", "ctrl+a"]] {
            screen.xdotool(&keys);
            pause();
        }
        screen.xdotool(&["type", "--delay", "20", &address]);
        pause();
        screen.xdotool(&["key", "Return"]);
        pause();
        pause();
        running.has_title("noise.tif")
    });
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
    let Some(screen) = Screen::start(&["xdotool", "import"]) else { return };
    let folder = screen.path("scenes");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("board.tif");
    // Single pixels of a chequered board are black or white; only means of them are grey.
    write_striped_tiff(&path, (5200, 4000), |x, y| [if (x + y) % 2 == 0 { 0 } else { 255 }; 3]);
    let mut command = screen.skysift();
    command.env("XDG_CACHE_HOME", screen.folder.path()).arg(&path);
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
    let Some(screen) = Screen::start(&["xdotool", "import"]) else { return };
    let path = screen.path("board.tif");
    write_striped_tiff(&path, (9000, 7000), |x, y| [if (x + y) % 2 == 0 { 0 } else { 255 }; 3]);
    let kept = || -> Vec<String> {
        let Ok(entries) = screen.path("skysift/overviews").read_dir() else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let window = || {
        let mut command = screen.skysift();
        command.env("XDG_CACHE_HOME", screen.folder.path()).arg(&path);
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
