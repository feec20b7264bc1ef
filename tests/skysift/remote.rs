//! Scenes on servers, from the outside: a real HTTP server on this machine, well behaved and otherwise.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use skysift::raster::{RasterError, Rect, RemoteOptions, Scene, SceneOptions, has_secrets};
use tempfile::TempDir;

use crate::support::skysift;

/// What a server does with a request in place of the right answer.
#[derive(Clone, Debug)]
pub enum Trick {
    /// Another status, with a header.
    Status(u16, &'static str),
    /// The right answer after all.
    Nothing,
    /// The page of a login in place of the file.
    Page,
    /// Answers 200 and goes on and on.
    NoRanges,
    /// Promises all bytes and closes after half of them.
    Cut,
    /// Says nothing.
    Stall,
    /// A byte now and then.
    Drip,
    /// More bytes than were asked for.
    TooMuch,
    /// This `Content-Range`, and the right bytes.
    Range(&'static str),
    /// Closes the connection without an answer.
    Close,
}

/// A request as it came in: its target and its headers, named in lower case.
#[derive(Clone, Debug)]
pub struct Request {
    pub target: String,
    headers: HashMap<String, String>,
}

impl Request {
    /// First and last byte.
    pub fn range(&self) -> (usize, usize) {
        let (first, last) = self.headers["range"].strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        (first.parse().unwrap(), last.parse().unwrap())
    }
}

/// What happens to a server.
pub type Change = fn(&mut State);

#[derive(Default)]
pub struct State {
    file: Arc<Vec<u8>>,
    /// Not sent if it is empty.
    pub etag: String,
    /// For the next requests, one each.
    pub tricks: VecDeque<Trick>,
    /// For all requests after those.
    pub always: Option<Trick>,
    /// What changes before the request of this number, counted from 1.
    pub later: Option<(usize, Change)>,
    /// The server breaks down over requests for any of these bytes.
    pub broken: Option<Range<usize>>,
    /// The target that requests are sent on from.
    redirects: HashMap<String, String>,
    delay: Duration,
    requests: Vec<Request>,
    /// Answers under way, and the most there were.
    busy: usize,
    busiest: usize,
}

impl State {
    /// The file, to be changed.
    pub fn file(&mut self) -> &mut Vec<u8> {
        Arc::make_mut(&mut self.file)
    }
}

/// A server for one file, whatever the path.
#[derive(Clone)]
pub struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn new(file: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { file: Arc::new(file), etag: "\"one\"".to_owned(), ..State::default() };
        let server = Self { port, state: Arc::new(Mutex::new(state)) };
        let own = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = own.clone();
                thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    pub fn url(&self, place: &str) -> PathBuf {
        format!("http://127.0.0.1:{}/{place}", self.port).into()
    }

    pub fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Answers requests until the connection is closed.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let target = line.split(' ').nth(1)?.to_owned();
            let mut headers = HashMap::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
                let Some((name, value)) = line.trim().split_once(':') else { break };
                headers.insert(name.to_lowercase(), value.trim().to_owned());
            }
            let request = Request { target, headers };
            let (trick, redirect, delay) = {
                let mut state = self.state.lock().unwrap();
                state.requests.push(request.clone());
                let number = state.requests.len();
                if let Some((_, change)) = state.later.take_if(|(first, _)| *first == number) {
                    change(&mut state);
                }
                state.busy += 1;
                state.busiest = state.busiest.max(state.busy);
                let redirect = state.redirects.get(&request.target).cloned();
                let trick = if redirect.is_some() { None } else { state.tricks.pop_front() };
                (trick.or(state.always.clone()), redirect, state.delay)
            };
            thread::sleep(delay);
            let answered = match redirect {
                Some(place) => {
                    write!(stream, "HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")
                        .ok()
                }
                None => self.answer(&mut stream, &request, trick.as_ref()),
            };
            self.set(|state| state.busy -= 1);
            answered?;
        }
    }

    /// `None` when the connection is to be closed.
    fn answer(&self, stream: &mut TcpStream, request: &Request, trick: Option<&Trick>) -> Option<()> {
        let (file, etag, broken) = {
            let state = self.state.lock().unwrap();
            (Arc::clone(&state.file), state.etag.clone(), state.broken.clone())
        };
        let (first, last) = request.range();
        if broken.is_some_and(|broken| first < broken.end && last >= broken.start) {
            return write!(stream, "HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n").ok();
        }
        if first >= file.len() {
            let length = file.len();
            return write!(
                stream,
                "HTTP/1.1 416 Range\r\nContent-Range: bytes */{length}\r\nContent-Length: 0\r\n\r\n"
            )
            .ok();
        }
        let last = last.min(file.len() - 1);
        let body = &file[first..=last];
        let etag = if etag.is_empty() { String::new() } else { format!("ETag: {etag}\r\n") };
        let head = |range: &str, length: usize| {
            format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: {range}\r\n{etag}Content-Length: {length}\r\n\r\n"
            )
        };
        let range = format!("bytes {first}-{last}/{}", file.len());
        match trick {
            None | Some(Trick::Nothing) => {
                stream.write_all(head(&range, body.len()).as_bytes()).ok()?;
                stream.write_all(body).ok()
            }
            Some(Trick::Status(status, header)) => {
                write!(stream, "HTTP/1.1 {status} So\r\n{header}\r\nContent-Length: 2\r\n\r\nno").ok()
            }
            Some(Trick::Page) => {
                let page = "<html>Who are you?</html>";
                let kind = "Content-Type: text/html; charset=utf-8";
                write!(stream, "HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {}\r\n\r\n{page}", page.len())
                    .ok()
            }
            Some(Trick::NoRanges) => {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n").ok()?;
                while stream.write_all(&[0; 4096]).is_ok() {}
                None
            }
            Some(Trick::Cut) => {
                stream.write_all(head(&range, body.len()).as_bytes()).ok()?;
                stream.write_all(&body[..body.len() / 2]).ok()?;
                None
            }
            Some(Trick::Stall) => {
                thread::sleep(Duration::from_secs(30));
                None
            }
            Some(Trick::Drip) => {
                stream.write_all(head(&range, body.len()).as_bytes()).ok()?;
                for byte in body {
                    stream.write_all(&[*byte]).ok()?;
                    thread::sleep(Duration::from_millis(100));
                }
                None
            }
            Some(Trick::TooMuch) => {
                stream.write_all(head(&range, body.len() + 100_000).as_bytes()).ok()?;
                stream.write_all(body).ok()?;
                stream.write_all(&vec![7; 100_000]).ok()
            }
            Some(Trick::Range(range)) => {
                stream.write_all(head(range, body.len()).as_bytes()).ok()?;
                stream.write_all(body).ok()
            }
            Some(Trick::Close) => None,
        }
    }
}

/// A little-endian TIFF of one band, 8 bits, in uncompressed tiles of 256 x 256, its tables at the start.
pub fn tiff(side: u32) -> Vec<u8> {
    tiff_of(side, 1)
}

/// As [`tiff`], with so many bytes a sample.
fn tiff_of(side: u32, bytes: u32) -> Vec<u8> {
    const TILE: u32 = 256;
    let tile_bytes = TILE * TILE * bytes;
    let across = side.div_ceil(TILE);
    let tiles = across * across;
    let tables = 8 + 2 + 11 * 12 + 4;
    let data = tables + tiles * 8;
    let mut file = b"II*\0\x08\0\0\0\x0b\0".to_vec();
    let mut tag = |id: u16, kind: u16, count: u32, value: u32| {
        file.extend(id.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    };
    for (id, value) in
        [(256, side), (257, side), (258, 8 * bytes), (259, 1), (262, 1), (277, 1), (322, TILE), (323, TILE)]
    {
        tag(id, 4, 1, value);
    }
    tag(324, 4, tiles, tables);
    tag(325, 4, tiles, tables + tiles * 4);
    tag(339, 3, 1, 1);
    file.extend(0_u32.to_le_bytes());
    (0..tiles).for_each(|tile| file.extend((data + tile * tile_bytes).to_le_bytes()));
    (0..tiles).for_each(|_| file.extend(tile_bytes.to_le_bytes()));
    let mut dice = 1_u32;
    file.extend((0..tiles * tile_bytes).map(|_| {
        dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (dice >> 24) as u8
    }));
    file
}

/// A cache of its own, and little patience.
fn options(cache: &TempDir) -> RemoteOptions {
    RemoteOptions {
        cache: Some(cache.path().to_owned()),
        patience: Duration::from_secs(2),
        pause: Duration::from_millis(10),
        ..RemoteOptions::default()
    }
}

fn no_cache() -> RemoteOptions {
    RemoteOptions {
        cache_bytes: 0,
        patience: Duration::from_secs(2),
        pause: Duration::from_millis(10),
        ..RemoteOptions::default()
    }
}

fn open(url: &Path) -> Scene {
    Scene::open_with(url, &SceneOptions::from(&no_cache())).unwrap()
}

fn refused(url: &Path) -> String {
    let error = Scene::open_with(url, &SceneOptions::from(&no_cache()))
        .err()
        .unwrap_or_else(|| panic!("{} was opened", url.display()));
    sentence(&error)
}

/// An error that is one sentence of one line, without a panic or a detail of the program in it.
fn sentence(error: &RasterError) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.ends_with('.') && text.contains("; "), "{text}");
    text
}

/// The same file on disk.
fn on_disk(file: &[u8]) -> (TempDir, Scene) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    std::fs::write(&path, file).unwrap();
    let scene = Scene::open(&path).unwrap();
    (folder, scene)
}

fn whole(scene: &Scene) -> Rect {
    Rect::new(0, 0, scene.size().0, scene.size().1)
}

#[test]
fn a_scene_on_a_server_is_the_scene_on_disk() {
    let file = tiff(1000);
    let server = Server::new(file.clone());
    let (_folder, local) = on_disk(&file);
    let url = server.url("a%20b//scene.tif");
    let remote = open(&url);
    assert_eq!(remote.path().as_os_str(), url.as_os_str());
    assert_eq!(remote.info().path.as_os_str(), url.as_os_str());
    assert_eq!(remote.read(0, whole(&remote)).unwrap(), local.read(0, whole(&local)).unwrap());
    assert!(server.requests().iter().all(|request| request.target == "/a%20b//scene.tif"));
}

#[test]
fn fixtures_of_every_kind_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/raster");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(local) = Scene::open(&path) else { continue };
        if !local.info().format.ends_with("TIFF") {
            continue;
        }
        let server = Server::new(std::fs::read(&path).unwrap());
        let remote = open(&server.url("scene"));
        for level in 0..local.level_sizes().len() {
            let (width, height) = local.level_sizes()[level];
            let rect = Rect::new(0, 0, width, height);
            assert_eq!(
                remote.read(level, rect).unwrap(),
                local.read(level, rect).unwrap(),
                "{}",
                path.display()
            );
        }
        seen += 1;
    }
    println!("{seen} files");
}

#[test]
fn opening_takes_one_request_and_a_window_few() {
    let file = tiff(4096);
    let server = Server::new(file.clone());
    let scene = open(&server.url("scene.tif"));
    assert_eq!(server.requests().len(), 1, "{:?}", server.requests());
    scene.read(0, Rect::new(0, 1024, 512, 256)).unwrap();
    let requests = server.requests();
    assert!(requests.len() <= 4, "{requests:?}");
    let fetched: usize = requests.iter().map(|request| request.range().1 - request.range().0 + 1).sum();
    assert!(fetched < 1 << 20, "{fetched} bytes of {}", file.len());
}

#[test]
fn what_was_fetched_is_not_fetched_again() {
    let server = Server::new(tiff(1024));
    let cache = tempfile::tempdir().unwrap();
    let url = server.url("scene.tif");
    let first = Scene::open_with(&url, &SceneOptions::from(&options(&cache))).unwrap();
    let pixels = first.read(0, whole(&first)).unwrap();
    let before = server.requests().len();
    let again = Scene::open_with(&url, &SceneOptions::from(&options(&cache))).unwrap();
    assert_eq!(again.read(0, whole(&again)).unwrap(), pixels);
    assert_eq!(server.requests().len(), before + 1, "only whether it is still the same");
    assert_eq!(again.fingerprint(), first.fingerprint());

    // Another signature is the same file, another version is not.
    let signed = server.url("scene.tif?X-Amz-Signature=2");
    let third = Scene::open_with(&signed, &SceneOptions::from(&options(&cache))).unwrap();
    assert_eq!(third.read(0, whole(&third)).unwrap(), pixels);
    assert_eq!(server.requests().len(), before + 2);
    server.set(|state| {
        state.etag = "\"two\"".to_owned();
        state.file().iter_mut().skip(1 << 19).for_each(|byte| *byte = !*byte);
    });
    let other = Scene::open_with(&url, &SceneOptions::from(&options(&cache))).unwrap();
    assert_ne!(other.read(0, whole(&other)).unwrap(), pixels);
    assert_ne!(other.fingerprint(), first.fingerprint());
    let names = walk(cache.path());
    assert!(names.iter().all(|name| !name.contains("Amz")), "{names:?}");
}

fn walk(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        names.push(entry.path().display().to_string());
        if entry.path().is_dir() {
            names.extend(walk(&entry.path()));
        }
    }
    names
}

#[test]
fn a_cache_that_cannot_be_written_changes_nothing() {
    let server = Server::new(tiff(512));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let blocked = RemoteOptions { cache: Some(file), ..no_cache() };
    let blocked = RemoteOptions { cache_bytes: 1 << 20, ..blocked };
    let scene = Scene::open_with(&server.url("a.tif"), &SceneOptions::from(&blocked)).unwrap();
    scene.read(0, whole(&scene)).unwrap();
}

#[test]
fn readers_side_by_side_share_requests_and_keep_to_a_few_connections() {
    let file = tiff(2048);
    let server = Server::new(file.clone());
    server.set(|state| state.delay = Duration::from_millis(20));
    let (_folder, local) = on_disk(&file);
    let scene = open(&server.url("scene.tif"));
    let expected = local.read(0, whole(&local)).unwrap();
    thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| assert_eq!(scene.read(0, whole(&scene)).unwrap(), expected));
        }
    });
    let state = server.state.lock().unwrap();
    assert!(state.busiest <= 8, "{} at once", state.busiest);
    let mut blocks: Vec<usize> = state
        .requests
        .iter()
        .flat_map(|request| request.range().0 / 65536..=request.range().1 / 65536)
        .collect();
    let count = blocks.len();
    blocks.sort_unstable();
    blocks.dedup();
    assert_eq!(blocks.len(), count, "no block was fetched twice");
}

#[test]
fn what_passes_is_tried_again() {
    for trick in [
        Trick::Status(503, "Retry-After: 0"),
        Trick::Status(500, "X: y"),
        Trick::Status(429, "Retry-After: 1"),
        Trick::Cut,
        Trick::Close,
    ] {
        let server = Server::new(tiff(512));
        server.set(|state| state.tricks = vec![trick.clone(); 3].into());
        let scene = open(&server.url("scene.tif"));
        assert_eq!(server.requests().len(), 4, "{trick:?}");
        server.set(|state| state.tricks = vec![trick.clone(); 2].into());
        scene.read(0, whole(&scene)).unwrap();
    }
}

#[test]
fn what_does_not_pass_is_told() {
    for (trick, words) in [
        (Trick::Status(503, "Retry-After: 0"), "503"),
        (Trick::Cut, "closed the connection"),
        (Trick::Close, "connection"),
    ] {
        let server = Server::new(tiff(512));
        server.set(|state| state.always = Some(trick.clone()));
        let error = refused(&server.url("scene.tif"));
        assert!(error.contains(words) && error.contains("/scene.tif"), "{trick:?}: {error}");
        assert_eq!(server.requests().len(), 4, "{trick:?}");
    }
    for (status, words) in [(404, "no such file"), (403, "that you may read it"), (401, "401"), (418, "418")]
    {
        let server = Server::new(tiff(512));
        server.set(|state| state.always = Some(Trick::Status(status, "X: y")));
        let error = refused(&server.url("scene.tif"));
        assert!(error.contains(words), "{error}");
        assert_eq!(server.requests().len(), 1, "{error}");
    }
}

#[test]
fn a_server_without_ranges_is_named_without_reading_it_all() {
    let server = Server::new(tiff(512));
    server.set(|state| state.always = Some(Trick::NoRanges));
    let error = refused(&server.url("scene.tif"));
    assert!(
        error.contains("does not answer range requests") && error.contains("download the file"),
        "{error}"
    );
    // Whoever read all of it would be there for ever.
    assert_eq!(server.requests().len(), 1);
    server.set(|state| state.always = Some(Trick::Page));
    assert!(refused(&server.url("scene.tif")).contains("a web page came in place of the file"));
}

#[test]
fn nobody_waits_for_ever() {
    for trick in [Trick::Stall, Trick::Drip] {
        let server = Server::new(tiff(512));
        server.set(|state| state.always = Some(trick.clone()));
        let quick = RemoteOptions { patience: Duration::from_millis(300), ..no_cache() };
        let error = Scene::open_with(&server.url("scene.tif"), &SceneOptions::from(&quick)).err().unwrap();
        assert!(sentence(&error).contains("in time"), "{trick:?}: {error}");
        // Each of them took the patience.
        assert!((2..=4).contains(&server.requests().len()), "{:?}", server.requests());
    }
}

#[test]
fn a_server_that_is_gone_is_an_error_for_everybody_who_waits() {
    let server = Server::new(tiff(1024));
    let quick = RemoteOptions { patience: Duration::from_millis(300), ..no_cache() };
    let scene = Scene::open_with(&server.url("scene.tif"), &SceneOptions::from(&quick)).unwrap();
    server.set(|state| state.always = Some(Trick::Stall));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let error = scene.read(0, Rect::new(512, 512, 256, 256)).unwrap_err();
                assert!(error.is_lasting() && sentence(&error).contains("in time"), "{error}");
            });
        }
    });
    let requests = server.requests().len();
    assert!(requests <= 1 + 4 * 4, "{requests}");
    assert!(scene.notices().list()[0].contains("reading waits for it"), "{:?}", scene.notices());
    // Whoever asks again soon has the same answer at once; some time later a single request looks what has
    // become of the server, and then all is well.
    for _ in 0..50 {
        scene.read(0, Rect::new(512, 512, 256, 256)).unwrap_err();
    }
    assert!(server.requests().len() <= requests + 5, "{:?}", server.requests());
    server.set(|state| state.always = None);
    let end = Instant::now() + Duration::from_mins(1);
    while scene.read(0, whole(&scene)).is_err() {
        assert!(Instant::now() < end, "the server was not asked again");
        thread::sleep(Duration::from_millis(20));
    }

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refused(Path::new(&format!("http://{nobody}/a.tif")));
    assert!(error.contains("connection failed"), "{error}");
}

#[test]
fn a_file_that_changes_is_told() {
    let server = Server::new(tiff(1024));
    let scene = open(&server.url("scene.tif"));
    server.set(|state| state.etag = "\"two\"".to_owned());
    let error = sentence(&scene.read(0, whole(&scene)).unwrap_err());
    assert!(error.contains("has changed on the server") && error.contains("open it again"), "{error}");
    // From then on nothing is asked for, nor taken from what is at hand.
    let requests = server.requests().len();
    for _ in 0..50 {
        let error = scene.read(0, Rect::new(0, 0, 8, 8)).unwrap_err();
        assert!(error.is_lasting() && sentence(&error).contains("has changed"), "{error}");
    }
    assert_eq!(server.requests().len(), requests);
    // Not even when the old one is back.
    server.set(|state| state.etag = "\"one\"".to_owned());
    assert!(scene.read(0, whole(&scene)).is_err());
    assert_eq!(server.requests().len(), requests);

    let scene = open(&server.url("scene.tif"));
    server.set(|state| state.file().truncate(300_000));
    let error = sentence(&scene.read(0, whole(&scene)).unwrap_err());
    assert!(error.contains("has changed on the server"), "{error}");
}

/// The range from black to white is made of what is read at opening, and the model's input with it.
#[test]
fn a_scene_of_which_a_part_cannot_be_read_at_opening_is_not_opened() {
    let server = Server::new(tiff_of(1024, 2));
    open(&server.url("scene.tif"));
    server.set(|state| state.broken = Some(1 << 20..(1 << 20) + 1));
    assert!(refused(&server.url("scene.tif")).contains("the server answered 500"));
}

#[test]
fn lies_about_lengths_end_in_a_sentence() {
    for range in [
        "bytes 0-9/*",
        "bytes 5-9/1000000",
        "bytes 9-5/1000",
        "bytes 0-99999/10",
        "bytes 0-18446744073709551615/18446744073709551615",
        "nothing",
        "",
    ] {
        let server = Server::new(tiff(512));
        server.set(|state| state.always = Some(Trick::Range(range)));
        let error = refused(&server.url("scene.tif"));
        assert!(error.contains("make no sense") || error.contains("the server"), "{range}: {error}");
    }
    // A file of exabytes, of which the start is true.
    let server = Server::new(tiff(1024));
    server.set(|state| state.tricks = [Trick::Range("bytes 0-262143/9223372036854775807")].into());
    let scene = open(&server.url("scene.tif"));
    assert!(sentence(&scene.read(0, whole(&scene)).unwrap_err()).contains("has changed"));

    let file = tiff(512);
    let server = Server::new(file.clone());
    server.set(|state| state.always = Some(Trick::TooMuch));
    let (_folder, local) = on_disk(&file);
    let scene = open(&server.url("scene.tif"));
    assert_eq!(scene.read(0, whole(&scene)).unwrap(), local.read(0, whole(&local)).unwrap());
}

#[test]
fn redirects_are_followed_but_not_in_circles() {
    let file = tiff(512);
    let server = Server::new(file);
    server.set(|state| {
        state.redirects.insert("/a.tif".to_owned(), "/b/c.tif".to_owned());
        state.redirects.insert("/x".to_owned(), "/y".to_owned());
        state.redirects.insert("/y".to_owned(), "/x".to_owned());
        state.redirects.insert("/ftp".to_owned(), "ftp://elsewhere/a.tif".to_owned());
    });
    let scene = open(&server.url("a.tif"));
    scene.read(0, whole(&scene)).unwrap();
    assert!(server.requests().iter().any(|request| request.target == "/b/c.tif"));
    let error = refused(&server.url("x"));
    assert!(error.contains("redirects do not come to an end"), "{error}");
    refused(&server.url("ftp"));
}

#[test]
fn secrets_are_sent_and_never_told() {
    let server = Server::new(tiff(512));
    let url = format!("http://me:hush@127.0.0.1:{}/a.tif?page=1&sig=hush", server.port);
    assert!(has_secrets(Path::new(&url)));
    let scene = open(Path::new(&url));
    let requests = server.requests();
    assert_eq!(requests[0].target, "/a.tif?page=1&sig=hush");
    assert_eq!(requests[0].headers["authorization"], "Basic bWU6aHVzaA==");
    let info = serde_json::to_string(scene.info()).unwrap();
    assert!(!info.contains("hush") && info.contains("/a.tif?page=1"), "{info}");
    server.set(|state| state.always = Some(Trick::Status(403, "X: y")));
    let error = refused(Path::new(&url));
    assert!(!error.contains("hush") && error.contains("/a.tif?page=1"), "{error}");
    let error = sentence(&scene.read(0, whole(&scene)).map_or_else(|error| error, |_| panic!("read")));
    assert!(!error.contains("hush"), "{error}");
    let error = scene.read(9, whole(&scene)).unwrap_err().to_string();
    assert!(!error.contains("hush"), "{error}");
}

#[test]
fn only_tiff_is_read_from_servers() {
    let png = Server::new([b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 100]].concat());
    let error = refused(&png.url("a.png"));
    assert!(error.contains("only GeoTIFF (COG)"), "{error}");
    let empty = Server::new(Vec::new());
    assert!(refused(&empty.url("a.tif")).contains("is empty"));
    let cut = Server::new(tiff(512)[..100].to_vec());
    assert!(refused(&cut.url("a.tif")).contains("damaged or cut off"));
    for address in
        ["gs://bucket/a.tif", "ftp://host/a.tif", "s3://bucket", "http://", "https://:1/a", "http://a b/c"]
    {
        refused(Path::new(address));
    }
}

#[test]
fn a_large_file_without_overviews_says_so() {
    let server = Server::new(tiff(4352));
    let notice = open(&server.url("a.tif")).notices().list().pop();
    assert!(notice.is_some_and(|notice| notice.contains("no overviews")));
    let server = Server::new(tiff(512));
    assert_eq!(open(&server.url("a.tif")).notices().list(), [""; 0]);
}

#[test]
fn objects_in_s3_are_read_with_and_without_keys() {
    let server = Server::new(tiff(512));
    let cache = tempfile::tempdir().unwrap();
    let run = |variables: &[(&str, &str)]| {
        let mut command = skysift();
        command.args(["info", "s3://images/a folder/scene.tif"]).env("XDG_CACHE_HOME", cache.path());
        for name in ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "NO_SIGN_REQUEST"] {
            command.env_remove(format!("AWS_{name}"));
        }
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", server.port));
        command.envs(variables.iter().copied());
        let output = command.output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let out = run(&[]);
    assert!(out.contains("s3://images/a folder/scene.tif") && out.contains("512 x 512"), "{out}");
    assert_eq!(server.requests()[0].target, "/images/a%20folder/scene.tif");
    let count = server.requests().len();
    let keys = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "hush"), ("AWS_REGION", "eu-west-1")];
    let out = run(&keys);
    assert!(out.contains("512 x 512") && !out.contains("hush"), "{out}");
    let target = server.requests()[count].target.clone();
    assert!(target.starts_with("/images/a%20folder/scene.tif?"), "{target}");
    assert!(target.contains("X-Amz-Signature=") && target.contains("eu-west-1"), "{target}");
    server.set(|state| state.always = Some(Trick::Status(403, "X: y")));
    let out = run(&[]);
    assert!(out.contains("set AWS_ACCESS_KEY_ID"), "{out}");
    server.set(|state| state.always = Some(Trick::Status(301, "x-amz-bucket-region: eu-central-1")));
    let out = run(&keys);
    assert!(out.contains("set AWS_REGION to the region of the bucket"), "{out}");
}

/// Whoever reads a body to its end would be here for long.
#[test]
fn the_server_of_these_tests_answers_as_servers_do() {
    let server = Server::new(tiff(512));
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    write!(stream, "GET /a HTTP/1.1\r\nRange: bytes=0-3\r\n\r\n").unwrap();
    let mut answer = [0; 200];
    let mut read = 0;
    while !answer[..read].ends_with(b"II*\0") {
        read += stream.read(&mut answer[read..]).unwrap();
    }
    let text = String::from_utf8_lossy(&answer[..read]);
    assert!(text.starts_with("HTTP/1.1 206") && text.contains("Content-Range: bytes 0-3/"), "{text}");
}
