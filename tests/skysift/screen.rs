//! A screen that exists only in memory, and the program on it, used with mouse and keyboard as a person does.
//!
//! What is where, a test learns from the program's widget log, by the names that screen readers are told; it
//! never waits for a time, but until something is to be seen.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::needed;
use super::support::{fixture, skysift};

/// The colours of the first two keywords.
pub const FIRST: [u8; 3] = [230, 159, 0];
pub const SECOND: [u8; 3] = [86, 180, 233];

/// A display of its own for one test.
pub struct Screen {
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
    /// Starts Xvfb. Without it, a graphics driver, or what else is needed, the test is to end; see
    /// [`needed::require`].
    pub fn start(needed: &[&str]) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static CAN_DRAW: OnceLock<bool> = OnceLock::new();
        if !["xvfb"].iter().chain(needed).all(|name| needed::require(name)) {
            return None;
        }
        // Numbers that no desktop uses, different for every process and test.
        let number = 200 + std::process::id() % 5000 * 8 + NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(":{number}");
        let server = Command::new("Xvfb")
            // It would begin anew when the last client leaves, and that is the one that asks whether it
            // listens.
            .args([&name, "-screen", "0", "1400x900x24", "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let screen = Self { server, name, folder: tempfile::tempdir().unwrap() };
        let socket = PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
        wait_until("the display", || listens(&socket));
        let can_draw = *CAN_DRAW.get_or_init(|| screen.can_draw());
        needed::note("vulkan", can_draw).then_some(screen)
    }

    /// Whether there is a graphics driver that can draw the window.
    fn can_draw(&self) -> bool {
        let mut window = self.skysift();
        window.arg(fixture("raster/rgb.png")).arg("--exit").arg("--screenshot").arg(self.path("first.png"));
        let output = window.output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        let can_draw = !message.contains("no graphics driver");
        assert!(!can_draw || output.status.success(), "{message}");
        can_draw
    }

    /// The program on this display, with nothing remembered.
    pub fn skysift(&self) -> Command {
        let mut command = skysift();
        command
            .env("DISPLAY", &self.name)
            .env_remove("WAYLAND_DISPLAY")
            .env("XDG_RUNTIME_DIR", self.folder())
            .env("SKYSIFT_STATE_DIR", self.folder());
        command
    }

    /// One call of xdotool on this display.
    fn xdotool(&self, arguments: &[&str]) -> String {
        let output = Command::new("xdotool").env("DISPLAY", &self.name).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// A scene of 640 x 480 grey pixels, so that every bright colour in the window is a box's.
    pub fn scene(&self) -> PathBuf {
        let path = self.path("scene.png");
        image::RgbImage::from_fn(640, 480, |x, y| {
            image::Rgb([u8::try_from((x / 8 + y / 8) % 64 + 60).unwrap(); 3])
        })
        .save(&path)
        .unwrap();
        path
    }
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

/// Waits until something happened, for two minutes at most.
pub fn wait_until(what: &str, happened: impl FnMut() -> bool) {
    assert!(happens_within(Duration::from_mins(2), happened), "waited in vain for {what}");
}

fn happens_within(time: Duration, mut happened: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    loop {
        if happened() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many pixels of a part of a picture have a colour.
pub fn count(picture: &image::RgbImage, part: impl Fn(u32, u32) -> bool, color: [u8; 3]) -> usize {
    let near = |a: u8, b: u8| a.abs_diff(b) <= 6;
    picture
        .enumerate_pixels()
        .filter(|(x, y, pixel)| part(*x, *y) && (0..3).all(|i| near(pixel.0[i], color[i])))
        .count()
}

pub fn open_picture(path: &Path) -> image::RgbImage {
    image::open(path).unwrap().into_rgb8()
}

/// The middle of the window, where the scene and its boxes are.
pub fn middle(x: u32, y: u32) -> bool {
    (340..1000).contains(&x) && (60..760).contains(&y)
}

/// Something in the window, as screen readers know it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Widget {
    pub role: String,
    pub label: String,
    pub value: String,
    /// Left, top, right and bottom in pixels.
    pub rect: [f64; 4],
    pub focused: bool,
    pub disabled: bool,
}

/// The program with its window on a screen.
pub struct Running<'a> {
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
    pub fn start(screen: &'a Screen, command: &mut Command, title: &str) -> Self {
        command.env("SKYSIFT_WIDGET_LOG", screen.path("widgets.json")).args(["--device", "cpu"]);
        let mut running = Self { screen, program: command.spawn().unwrap(), window: String::new() };
        wait_until("the window", || {
            assert!(running.program.try_wait().unwrap().is_none(), "the program ended by itself");
            running.window = screen.xdotool(&["search", "--onlyvisible", "--name", title]);
            !running.window.is_empty()
        });
        // Without a window manager nobody else gives the keyboard to the window.
        screen.xdotool(&["windowfocus", "--sync", &running.window]);
        wait_until("the first frame", || !running.widgets().is_empty());
        running
    }

    /// Ends the program, which must not have done so by itself.
    pub fn end(&mut self) {
        assert!(self.program.try_wait().unwrap().is_none(), "the program ended by itself");
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }

    pub fn has_title(&self, title: &str) -> bool {
        self.screen.xdotool(&["search", "--onlyvisible", "--name", title]) == self.window
    }

    /// All that the window shows; nothing before the first frame.
    pub fn widgets(&self) -> Vec<Widget> {
        let text = std::fs::read_to_string(self.screen.path("widgets.json")).unwrap_or_default();
        if text.is_empty() { Vec::new() } else { serde_json::from_str(&text).unwrap() }
    }

    pub fn find(&self, role: &str, label: impl Fn(&str) -> bool) -> Option<Widget> {
        self.widgets().into_iter().find(|widget| widget.role == role && label(&widget.label))
    }

    /// Waits until something is there and keeps its place.
    pub fn wait_for(&self, role: &str, label: &str) -> Widget {
        let find = || self.find(role, |found| found == label);
        let mut last = None;
        let settled = happens_within(Duration::from_mins(2), || {
            let found = find();
            std::thread::sleep(Duration::from_millis(80));
            found.is_some() && std::mem::replace(&mut last, found) == last
        });
        assert!(settled, "there is no {role} {label:?} among {:#?}", self.widgets());
        last.unwrap()
    }

    /// As [`Self::wait_for`]; scrolls the panel at the left until it's in sight there, above the button for a
    /// scan.
    pub fn bring_into_sight(&self, role: &str, label: &str) -> Widget {
        self.scroll_to(role, label, 160, (60.0, 690.0))
    }

    /// As [`Self::wait_for`]; scrolls what lies at a column of the window, halfway down, until it's within
    /// these rows.
    pub fn scroll_to(&self, role: &str, label: &str, column: u32, (first, last): (f64, f64)) -> Widget {
        let mut found = self.wait_for(role, label);
        for _ in 0..100 {
            let [_, top, _, bottom] = found.rect;
            if top > first && bottom < last {
                return found;
            }
            self.move_to(column, 400);
            self.turn_wheel(if top > first { "5" } else { "4" });
            found = self.wait_for(role, label);
        }
        panic!("{label} isn't in sight: {found:?}");
    }

    /// Clicks at something that can be clicked at.
    pub fn click(&self, role: &str, label: &str) {
        let found = self.wait_for(role, label);
        assert!(!found.disabled && found.rect[1] > 0.0 && found.rect[3] < 780.0, "{found:?}");
        let [left, top, right, bottom] = found.rect;
        self.move_to(left.midpoint(right) as u32, top.midpoint(bottom) as u32);
        self.screen.xdotool(&["click", "1"]);
    }

    /// Clicks at something until that has an effect: the window takes a press that it sees for too long, as
    /// it does on a busy machine, for no click.
    pub fn click_until(&self, role: &str, label: &str, what: &str, happened: impl Fn(&Self) -> bool) {
        wait_until(what, || {
            self.click(role, label);
            happens_within(Duration::from_secs(5), || happened(self))
        });
    }

    pub fn has_focus(&self, label: &str) -> bool {
        self.widgets().iter().any(|widget| widget.focused && widget.label == label)
    }

    pub fn press(&self, keys: &str) {
        self.screen.xdotool(&["key", keys]);
    }

    /// Presses keys until that has an effect: those that come before the window listens are lost.
    pub fn press_until(&self, keys: &str, what: &str, happened: impl Fn(&Self) -> bool) {
        wait_until(what, || {
            self.press(keys);
            happens_within(Duration::from_secs(5), || happened(self))
        });
    }

    /// Types into the field that has the keyboard.
    pub fn type_text(&self, label: &str, text: &str) {
        self.screen.xdotool(&["type", "--delay", "20", text]);
        let is_there = |widget: &Widget| widget.label == label && widget.value == text;
        wait_until("what was typed", || self.widgets().iter().any(is_there));
    }

    pub fn move_to(&self, x: u32, y: u32) {
        self.screen.xdotool(&["mousemove", "--window", &self.window, &x.to_string(), &y.to_string()]);
    }

    pub fn press_button_at(&self, (x, y): (u32, u32)) {
        self.move_to(x, y);
        self.screen.xdotool(&["mousedown", "1"]);
    }

    pub fn release_button(&self) {
        self.screen.xdotool(&["mouseup", "1"]);
    }

    /// Turns the wheel by one notch: "4" is away from the person, "5" is towards them.
    pub fn turn_wheel(&self, button: &str) {
        self.screen.xdotool(&["click", button]);
    }

    /// The pixel of the scene under a place in the window, as the status bar tells it.
    pub fn pixel_under(&self, (x, y): (u32, u32)) -> (i64, i64) {
        let read = || {
            self.widgets().iter().find_map(|widget| {
                let (x, y) = widget.value.split_once(", ").filter(|_| widget.role == "Label")?;
                Some((x.parse().ok()?, y.parse().ok()?))
            })
        };
        self.move_to(x, y);
        let mut last = None;
        wait_until("the pixel under the pointer", || {
            let found = read();
            std::thread::sleep(Duration::from_millis(80));
            found.is_some() && std::mem::replace(&mut last, found) == last
        });
        last.unwrap()
    }

    /// Screen pixels for one pixel of the scene, in percent, as the status bar tells it.
    pub fn zoom(&self) -> f64 {
        let percent = |widget: &Widget| {
            let number = widget.value.strip_suffix('%').filter(|_| widget.role == "Label")?;
            number.trim().parse().ok()
        };
        self.widgets().iter().find_map(percent).unwrap()
    }

    /// What is on the screen; without a window manager the window lies at its top left corner.
    pub fn look(&self) -> image::RgbImage {
        let path = self.screen.path("look.png");
        let mut import = Command::new("import");
        import.env("DISPLAY", &self.screen.name).args(["-window", "root"]).arg(&path);
        assert!(import.status().unwrap().success());
        open_picture(&path)
    }

    /// The mean colour of the scene in the middle of the window.
    pub fn mean(&self) -> [f64; 3] {
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
}
