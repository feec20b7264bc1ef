//! The house: which folder may know which, and that no file or folder grows beyond what one takes in at a
//! glance.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file, its tests included.
const LONGEST_FILE: usize = 400;
/// Files of a folder, beside its subfolders.
const MOST_FILES: usize = 20;
/// Columns of a line. A text that is one word to the compiler may be longer.
const WIDEST_LINE: usize = 110;

/// Files that may be longer, and why.
const LONG_FILES: [(&str, &str); 0] = [];

#[test]
fn every_folder_knows_only_those_below_it() {
    let order = order();
    let place = |room: &str| {
        let place = order.iter().position(|listed| listed == room);
        place.unwrap_or_else(|| panic!("ARCHITECTURE.md doesn't say where src/{room} stands"))
    };
    let mut wrong = Vec::new();
    for file in sources() {
        let room = room(&file);
        if room == "lib" || room == "main" {
            continue;
        }
        for used in used_rooms(&fs::read_to_string(&file).unwrap()) {
            if used != room && place(&used) <= place(&room) {
                wrong.push(format!("{} uses {used}, which stands above {room}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_part_of_raster_uses_only_those_below_it() {
    let text = fs::read_to_string(root().join("src/raster/mod.rs")).unwrap();
    let order = raster_layers(&text);
    let exports = raster_exports(&text);
    let folder = root().join("src/raster");
    let mut parts = Vec::new();
    let mut wrong = Vec::new();
    for file in sources() {
        let Ok(inside) = file.strip_prefix(&folder) else { continue };
        let path: Vec<&str> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        let part = path[0].trim_end_matches(".rs");
        if part == "mod" {
            continue;
        }
        parts.push(part.to_owned());
        let place = |part: &str| {
            let place = order.iter().position(|listed| listed == part);
            place.unwrap_or_else(|| panic!("the list in raster/mod.rs lacks {part}"))
        };
        // How many times `super::` leads from this module to `raster`.
        let depth = path.len() - usize::from(path.last() == Some(&"mod.rs"));
        for used in used_raster_parts(&fs::read_to_string(&file).unwrap(), depth, &exports) {
            if used != part && place(&used) <= place(part) {
                wrong.push(format!("{} uses {used}, which stands above {part}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    parts.sort_unstable();
    parts.dedup();
    let mut listed = order;
    listed.sort_unstable();
    assert_eq!(listed, parts, "the list in raster/mod.rs and its folder differ");
}

/// The folders and files of `raster` in the order of the list in its documentation, the uppermost first.
fn raster_layers(text: &str) -> Vec<String> {
    let entries = text.lines().filter_map(|line| line.strip_prefix("//! - `")?.split_once('`'));
    entries.map(|(name, _)| name.to_owned()).collect()
}

/// What `raster` exports, with the part that it comes from.
fn raster_exports(text: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for statement in code_of(text).split(';').filter_map(|statement| statement.trim().split_once("use ")) {
        let (path, names) = match statement.1.split_once('{') {
            Some((path, names)) => (path, names.trim_end_matches('}')),
            None => statement.1.rsplit_once("::").unwrap_or_default(),
        };
        let part = path.split("::").next().unwrap_or_default();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let name = name.rsplit(" as ").next().unwrap_or(name);
            exports.insert(name.to_owned(), part.to_owned());
        }
    }
    exports
}

/// The parts of `raster` that a file in it uses, by paths from `crate` or `super`, comments and tests aside.
fn used_raster_parts(text: &str, depth: usize, exports: &BTreeMap<String, String>) -> Vec<String> {
    let code = code_of(text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default());
    let by_super = "super::".repeat(depth);
    let mut parts = Vec::new();
    for prefix in ["crate::raster::", by_super.as_str()] {
        for (at, _) in code.match_indices(prefix) {
            // A longer chain of `super` would lead beyond `raster`, a shorter one ends within the part.
            if code[..at].ends_with("super::") || code[at + prefix.len()..].starts_with("super::") {
                continue;
            }
            let rest = &code[at + prefix.len()..];
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split('}').next().unwrap_or_default(),
                None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default(),
            };
            for name in names.split(',') {
                let name = name.trim().split("::").next().unwrap_or_default();
                let part = exports.get(name).cloned().unwrap_or_else(|| name.to_owned());
                let path = root().join("src/raster").join(&part);
                if path.is_dir() || path.with_extension("rs").is_file() {
                    parts.push(part);
                }
            }
        }
    }
    parts
}

/// A file's code on one line, without its comments.
fn code_of(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_room_is_on_the_map_once() {
    let mut rooms: Vec<String> = sources().iter().map(|file| room(file)).collect();
    rooms.retain(|room| room != "lib" && room != "main");
    rooms.sort_unstable();
    rooms.dedup();
    let mut order = order();
    order.sort_unstable();
    assert_eq!(order, rooms, "the map of ARCHITECTURE.md and the folders of src differ");
}

#[test]
fn files_and_folders_can_be_taken_in_at_a_glance() {
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        let lines = text.lines().count();
        let may_be_long = LONG_FILES.iter().any(|(long, _)| *long == name);
        assert!(lines <= LONGEST_FILE || may_be_long, "{name} has {lines} lines, more than {LONGEST_FILE}");
        assert!(lines > LONGEST_FILE || !may_be_long, "{name} is short and needn't be excepted");
        for (number, line) in text.lines().enumerate() {
            let is_text = line.contains('"') || line.contains("](") || is_within_a_text(line);
            assert!(
                line.chars().count() <= WIDEST_LINE || is_text,
                "{name}:{} has more than {WIDEST_LINE} columns",
                number + 1
            );
        }
        let is_test = file.components().any(|part| part.as_os_str() == "tests");
        if !is_test {
            *folders.entry(file.parent().unwrap().to_owned()).or_default() += 1;
        }
    }
    for (folder, files) in folders {
        assert!(files <= MOST_FILES, "{} holds {files} files, more than {MOST_FILES}", folder.display());
    }
}

/// A line of a text that begins on another line ends in neither code nor a comment.
fn is_within_a_text(line: &str) -> bool {
    line.ends_with('\\') && !line.trim_start().starts_with("//")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files of `src`.
fn sources() -> Vec<PathBuf> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.sort_unstable();
    assert!(files.len() > 100, "the sources are elsewhere");
    files
}

/// The folder of `src`, or the file without a folder, that a file belongs to.
fn room(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// What `crate::` paths lead to, comments and tests aside: a test may make what it needs by any means.
fn used_rooms(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut rooms = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for path in line.split("crate::").skip(1) {
            let name = |part: &str| {
                part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
            };
            match path.strip_prefix('{') {
                Some(list) => rooms.extend(list.split(',').map(name)),
                None => rooms.push(name(path)),
            }
        }
    }
    let is_room = |room: &String| {
        let path = root().join("src").join(room);
        path.is_dir() || path.with_extension("rs").is_file()
    };
    rooms.retain(is_room);
    rooms
}

/// The rooms in the order of ARCHITECTURE.md's map, the uppermost first.
fn order() -> Vec<String> {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = map.lines().filter_map(|line| line.strip_prefix("| `src/")?.split('`').next());
    let rooms = rows.filter(|row| *row != "main.rs");
    rooms.map(|row| row.trim_end_matches('/').trim_end_matches(".rs").to_owned()).collect()
}
