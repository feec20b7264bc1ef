//! Disks that fill up while a model comes: real ones, which the system says are full.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use super::hub::Request;
use super::models::{Desk, TINY, TINY_FILES, partials, stderr, weights, zip_of};
use super::needed;
use super::support::take_environment;

/// Runs a script for `sh` that knows the program as `$skysift` and a disk in memory as `$disk`, which is gone
/// with it. `None` where nothing can be mounted; see [`needed::require`].
fn on_a_small_disk(desk: &Desk, disk: &Path, size: &str, script: &str) -> Option<Output> {
    if !needed::require("mount") {
        return None;
    }
    std::fs::create_dir_all(disk).unwrap();
    let skysift = desk.skysift();
    let mut shell = Command::new("unshare");
    take_environment(&mut shell, &skysift);
    let mount = format!("mount -t tmpfs -o size={size} none \"$disk\"\n");
    shell.env("skysift", skysift.get_program()).env("disk", disk).env("notes", desk.folder.path()).args([
        "--mount",
        "sh",
        "-ec",
        &(mount + script),
    ]);
    Some(shell.output().unwrap())
}

/// Another program takes all that is free once a part of the weights is there; then it goes away again.
const FILLED_AND_EMPTIED: &str = r#"
cd "$disk"
part() { cat hub/models--tests--tiny/blobs/*.incomplete 2>/dev/null | wc -c; }
( until [ "$(part)" -gt 200000 ]; do sleep 0.02; done; dd if=/dev/zero of=other bs=65536 2>/dev/null || true ) &
status=0
"$skysift" models get tiny 2>"$notes/message" || status=$?
wait
echo "$status" >"$notes/status"
part >"$notes/part"
find hub -type f -o -type l >"$notes/files"
"$skysift" models list --json >"$notes/list"
rm other
cp -L "$("$skysift" models get tiny)/model.safetensors" "$notes/whole"
"#;

#[test]
fn a_disk_that_fills_up_is_told_and_the_download_goes_on() {
    let desk = Desk::new();
    desk.hub.pace(Some((20_000, Duration::from_millis(60))));
    let Some(output) = on_a_small_disk(&desk, &desk.hf_home(), "48m", FILLED_AND_EMPTIED) else { return };
    assert!(output.status.success(), "{}", stderr(&output));
    let note = |name: &str| std::fs::read_to_string(desk.folder.path().join(name)).unwrap();
    let number = |name: &str| note(name).trim().parse::<usize>().unwrap();

    assert_eq!(number("status"), 1);
    let message = note("message");
    let message = message.lines().last().unwrap();
    for words in [
        "skysift: the disk of ",
        "models--tests--tiny/blobs is full: ",
        " more are needed and 0 bytes are free; make room",
        "it goes on where it stopped",
        "another disk with HF_HOME",
    ] {
        assert!(message.contains(words), "{message}");
    }
    let (part, whole) = (number("part"), weights());
    assert!((200_000..whole.len()).contains(&part), "{part} of {}", whole.len());
    assert!(!note("files").contains("model.safetensors"), "half a file has a name: {}", note("files"));
    let list: serde_json::Value = serde_json::from_str(&note("list")).unwrap();
    let tiny = list.as_array().unwrap().iter().find(|entry| entry["name"] == "tiny").unwrap();
    assert_eq!(tiny["here"], false);

    assert_eq!(std::fs::read(desk.folder.path().join("whole")).unwrap(), whole);
    let asked: Vec<_> = desk.hub.transfers().iter().map(Request::from).collect();
    assert_eq!(asked, [None, Some(part)], "only the rest is fetched");
}

/// What comes as an archive needs its room twice. Another program takes some of it meanwhile, and gives it
/// back.
const TOO_SMALL_TO_UNPACK: &str = r#"
cd "$disk"
until [ -s models/.tiny-*.incomplete ]; do sleep 0.02; done >/dev/null 2>&1 &&
    dd if=/dev/zero of=other bs=1048576 count=4 2>/dev/null &
status=0
"$skysift" models get tiny 2>"$notes/message" || status=$?
wait
echo "$status" >"$notes/status"
rm other
"$skysift" models get tiny
ls -A models >"$notes/kept"
"#;

#[test]
fn an_archive_that_can_not_be_unpacked_for_want_of_room_is_not_fetched_twice() {
    let desk = Desk::new();
    desk.hub.put("files/tiny.zip", zip_of(&TINY_FILES));
    desk.hub.pace(Some((50_000, Duration::from_millis(50))));
    desk.catalogue("");
    // The catalogue lies on the small disk as well.
    let entry = TINY.replace("hub = \"tests/tiny\"", &format!("url = \"{}/files/tiny.zip\"", desk.hub.url()));
    let script = format!("cat >\"$disk/models.toml\" <<'END'\n{entry}\nEND\n{TOO_SMALL_TO_UNPACK}");
    // Room for both and what should be left; without 4 MB of it for one only.
    let size = (32 << 20) + (2 << 20) + (1 << 19);
    let Some(output) = on_a_small_disk(&desk, &desk.state(), &size.to_string(), &script) else { return };
    assert!(output.status.success(), "{}", stderr(&output));
    let note = |name: &str| std::fs::read_to_string(desk.folder.path().join(name)).unwrap();
    assert_eq!(note("status").trim(), "1");
    let message = note("message");
    for words in
        ["The tiny one needs 3", " and 32 MB to spare), and the disk of ", " too little", "SKYSIFT_STATE_DIR"]
    {
        assert!(message.contains(words), "{message}");
    }
    let gets = desk.hub.requests().into_iter().filter(|request| request.method == "GET");
    assert_eq!(gets.count(), 1, "the archive was fetched twice");
    let kept = note("kept");
    assert_eq!(kept.lines().filter(|name| *name != ".locks").collect::<Vec<_>>(), ["tiny"]);
}

/// As disks of the kind that sticks have do at four gigabytes.
#[test]
fn a_disk_that_takes_no_large_files_is_told() {
    let desk = Desk::new();
    let skysift = desk.skysift();
    let mut shell = Command::new("sh");
    // The system would end a program that doesn't ask for an error instead.
    shell.args(["-c", "trap '' XFSZ; ulimit -f 500; exec \"$0\" \"$@\""]).arg(skysift.get_program());
    take_environment(&mut shell, &skysift);
    let output = shell.args(["models", "get", "tiny"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = stderr(&output);
    let message = message.lines().last().unwrap();
    assert!(
        message.contains("takes no file as large as the model's; name a folder on another disk with HF_HOME"),
        "{message}"
    );
    assert!(!desk.is_here("tiny"));
    let part = partials(&desk.repository());
    assert_eq!(part.len(), 1);

    desk.ok(&["models", "get", "tiny"]);
    assert_eq!(desk.hub.transfers().last().unwrap().from(), Some(part[0] as usize));
    assert!(desk.is_here("tiny"));
}
