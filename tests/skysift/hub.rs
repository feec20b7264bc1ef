//! A hub on this machine: a real HTTP server that answers as the Hugging Face hub does, and one that keeps
//! the bytes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// What git keeps itself; larger files lie with the one that keeps bytes.
const LARGE: usize = 100_000;

/// What a server does with a request in place of the right answer.
#[derive(Clone, Debug)]
pub enum Trick {
    /// Another status, with headers that each end in `\r\n`.
    Status(u16, String),
    /// Promises all bytes and closes after so many.
    Cut(usize),
    /// Bytes of the right length, and others.
    OtherBytes,
    /// The bytes, and more of them than were told of.
    Longer,
    /// Another length than the hub told of.
    OtherLength,
    /// No part of a file, only all of it.
    NoRanges,
    /// Says nothing.
    Stall,
    /// Tells this size.
    Size(u64),
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    /// Named in lower case.
    pub headers: HashMap<String, String>,
    /// Whether it came to the one that keeps the bytes.
    pub bytes: bool,
}

impl Request {
    pub fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.trim_end_matches('-').parse().ok()
    }
}

#[derive(Default)]
struct State {
    /// By "owner/name/file".
    files: BTreeMap<String, Vec<u8>>,
    /// For the next questions to the hub, and the next transfers of large files.
    hub_tricks: VecDeque<Trick>,
    byte_tricks: VecDeque<Trick>,
    /// For all after those.
    hub_always: Option<Trick>,
    bytes_always: Option<Trick>,
    /// A rest after every so many bytes.
    pace: Option<(usize, Duration)>,
    requests: Vec<Request>,
    sent: usize,
}

#[derive(Clone)]
pub struct TestHub {
    port: u16,
    bytes_port: u16,
    state: Arc<Mutex<State>>,
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// As `git hash-object` computes it.
pub fn git_sha1(bytes: &[u8]) -> String {
    let mut sha1 = sha1_smol::Sha1::from(format!("blob {}\0", bytes.len()));
    sha1.update(bytes);
    sha1.digest().to_string()
}

/// What the hub calls a file's content.
pub fn etag(bytes: &[u8]) -> String {
    if bytes.len() > LARGE { sha256(bytes) } else { git_sha1(bytes) }
}

impl TestHub {
    pub fn new() -> Self {
        let (hub, bytes) =
            (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let server = Self { port: port(&hub), bytes_port: port(&bytes), state: Arc::default() };
        for (listener, is_bytes) in [(hub, false), (bytes, true)] {
            let own = server.clone();
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let server = own.clone();
                    thread::spawn(move || server.serve(stream, is_bytes));
                }
            });
        }
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn put(&self, place: &str, bytes: Vec<u8>) {
        self.set(|state| drop(state.files.insert(place.to_owned(), bytes)));
    }

    /// The files of a folder become those of a repository.
    pub fn put_folder(&self, repository: &str, folder: &Path) {
        for file in folder.read_dir().unwrap().flatten().filter(|file| file.path().is_file()) {
            let name = file.file_name().into_string().unwrap();
            self.put(&format!("{repository}/{name}"), std::fs::read(file.path()).unwrap());
        }
    }

    pub fn hub_trick(&self, trick: Trick) {
        self.set(|state| state.hub_tricks.push_back(trick));
    }

    pub fn byte_trick(&self, trick: Trick) {
        self.set(|state| state.byte_tricks.push_back(trick));
    }

    pub fn always(&self, hub: Option<Trick>, bytes: Option<Trick>) {
        self.set(|state| {
            (state.hub_always, state.bytes_always) = (hub, bytes);
            state.hub_tricks.clear();
            state.byte_tricks.clear();
        });
    }

    /// Sends so many bytes, rests, and so on.
    pub fn pace(&self, pace: Option<(usize, Duration)>) {
        self.set(|state| state.pace = pace);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Transfers of large files.
    pub fn transfers(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.bytes).collect()
    }

    /// Bytes of large files that were sent.
    pub fn sent(&self) -> usize {
        self.state.lock().unwrap().sent
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// Answers requests until the connection is closed.
    fn serve(&self, stream: TcpStream, bytes: bool) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut stream = stream;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let mut words = line.split_whitespace();
            let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
            let mut headers = HashMap::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
                let Some((name, value)) = line.trim().split_once(':') else { break };
                headers.insert(name.to_lowercase(), value.trim().to_owned());
            }
            let request = Request { method, target, headers, bytes };
            let trick = {
                let mut state = self.state.lock().unwrap();
                state.requests.push(request.clone());
                if request.method == "CONNECT" {
                    None
                } else if bytes {
                    state.byte_tricks.pop_front().or(state.bytes_always.clone())
                } else {
                    state.hub_tricks.pop_front().or(state.hub_always.clone())
                }
            };
            if request.method == "CONNECT" {
                // A proxy whose every way leads here.
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
                continue;
            }
            match trick {
                Some(Trick::Status(status, headers)) => {
                    write!(stream, "HTTP/1.1 {status} So\r\n{headers}Content-Length: 0\r\n\r\n").ok()?;
                }
                Some(Trick::Stall) => {
                    thread::sleep(Duration::from_secs(30));
                    return None;
                }
                trick if bytes => self.bytes(&mut stream, &request, trick.as_ref())?,
                trick => self.hub(&mut stream, &request, trick.as_ref())?,
            }
        }
    }

    /// What the hub says of a file, with its bytes if it is small.
    fn hub(&self, stream: &mut TcpStream, request: &Request, trick: Option<&Trick>) -> Option<()> {
        let path = request.target.split('?').next()?.trim_start_matches('/');
        let missing = |stream: &mut TcpStream, code: &str| {
            write!(stream, "HTTP/1.1 404 Not Found\r\nX-Error-Code: {code}\r\nContent-Length: 0\r\n\r\n").ok()
        };
        let Some((repository, rest)) = path.split_once("/resolve/") else {
            return self.plain(stream, request, path);
        };
        let (revision, name) = rest.split_once('/')?;
        let (known, file) = {
            let state = self.state.lock().unwrap();
            let known = state.files.keys().any(|place| place.starts_with(&format!("{repository}/")));
            (known, state.files.get(&format!("{repository}/{name}")).cloned())
        };
        if !known {
            return missing(stream, "RepoNotFound");
        }
        if !["main", COMMIT].contains(&revision) && revision.len() != 40 {
            return missing(stream, "RevisionNotFound");
        }
        let Some(file) = file else { return missing(stream, "EntryNotFound") };
        let commit = if revision.len() == 40 { revision } else { COMMIT };
        let (etag, size) = (etag(&file), file.len());
        let told = match trick {
            Some(Trick::Size(size)) => *size,
            _ => size as u64,
        };
        if file.len() > LARGE {
            return write!(
                stream,
                "HTTP/1.1 302 Found\r\nX-Repo-Commit: {commit}\r\nX-Linked-Size: {told}\r\n\
                 X-Linked-Etag: \"{etag}\"\r\nLocation: http://127.0.0.1:{}/bytes/{repository}/{name}?once=1\r\n\
                 Content-Length: 0\r\n\r\n",
                self.bytes_port
            )
            .ok();
        }
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nX-Repo-Commit: {commit}\r\nETag: \"{etag}\"\r\nContent-Length: {size}\r\n\r\n"
        )
        .ok()?;
        if request.method == "GET" { stream.write_all(&file).ok() } else { Some(()) }
    }

    /// A file on any server.
    fn plain(&self, stream: &mut TcpStream, request: &Request, path: &str) -> Option<()> {
        let file = self.state.lock().unwrap().files.get(path).cloned();
        let Some(file) = file else {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok();
        };
        if request.method == "HEAD" {
            return write!(
                stream,
                "HTTP/1.1 200 OK\r\nETag: \"{}-3\"\r\nContent-Length: {}\r\n\r\n",
                &sha256(&file)[..16],
                file.len()
            )
            .ok();
        }
        self.send(stream, request, &file, None)
    }

    /// The bytes of a large file.
    fn bytes(&self, stream: &mut TcpStream, request: &Request, trick: Option<&Trick>) -> Option<()> {
        let place = request.target.split('?').next()?.strip_prefix("/bytes/")?.to_owned();
        let file = self.state.lock().unwrap().files.get(&place).cloned()?;
        self.send(stream, request, &file, trick)
    }

    fn send(
        &self,
        stream: &mut TcpStream,
        request: &Request,
        file: &[u8],
        trick: Option<&Trick>,
    ) -> Option<()> {
        let from = request.from().filter(|_| !matches!(trick, Some(Trick::NoRanges)));
        let mut body = file[from.unwrap_or(0).min(file.len())..].to_vec();
        let mut total = file.len();
        match trick {
            Some(Trick::OtherBytes) => body.iter_mut().for_each(|byte| *byte = !*byte),
            Some(Trick::Longer) => body.extend([7; 1000]),
            Some(Trick::OtherLength) => {
                total += 5;
                body.extend([7; 5]);
            }
            _ => {}
        }
        match from {
            Some(from) => write!(
                stream,
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}\r\n",
                total - 1
            ),
            None => write!(stream, "HTTP/1.1 200 OK\r\n"),
        }
        .ok()?;
        if matches!(trick, Some(Trick::Longer)) {
            stream.write_all(b"Connection: close\r\n\r\n").ok()?;
        } else {
            write!(stream, "ETag: \"its-own\"\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
        }
        let cut = if let Some(Trick::Cut(bytes)) = trick { *bytes } else { usize::MAX };
        let pace = self.state.lock().unwrap().pace;
        let (chunk, rest) = pace.unwrap_or((1 << 16, Duration::ZERO));
        for part in body[..body.len().min(cut)].chunks(chunk) {
            stream.write_all(part).ok()?;
            self.set(|state| state.sent += part.len());
            thread::sleep(rest);
        }
        if cut != usize::MAX || matches!(trick, Some(Trick::Longer)) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return None;
        }
        Some(())
    }
}
