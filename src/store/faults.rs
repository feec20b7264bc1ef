//! What becomes of a collection whose store fails while it is open.

use std::path::Path;

use super::{Collection, Provenance, Record, Store, to_half};
use crate::windows::WindowKey;

fn provenance() -> Provenance {
    Provenance { scene_fingerprint: "s".to_owned(), scene: "here.tif".into(), ..Provenance::default() }
}

fn open(root: &Path) -> Collection {
    Collection::open(Some(&Store::new(root)), provenance(), 2).unwrap()
}

fn record(x: u32) -> Record {
    Record { key: WindowKey { x, y: 0, side: 64 }, nodata: 0.0, embedding: to_half(&[0.6, -0.8]) }
}

fn places(collection: &Collection) -> Vec<u32> {
    collection.in_order().iter().map(|(key, _)| key.x).collect()
}

#[test]
fn a_store_that_takes_nothing_more_is_told_once_and_the_rest_goes_on() {
    for sums in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let mut collection = open(root.path());
        collection.append(&[record(1), record(2)]).unwrap();
        assert_eq!(collection.take_notices(), Vec::<String>::new());
        collection.lock_up(sums);
        collection.append(&[record(3)]).unwrap();
        let told = collection.take_notices();
        assert!(told.len() == 1 && told[0].contains("any more"), "{told:?}");
        assert_eq!(collection.kept_bytes(), None);
        collection.append(&[record(4)]).unwrap();
        collection.refresh().unwrap();
        assert_eq!(places(&collection), [1, 2, 3, 4]);
        assert_eq!(collection.take_notices(), Vec::<String>::new());
        drop(collection);
        // What was there before is whole.
        let mut collection = open(root.path());
        assert_eq!(collection.take_notices(), Vec::<String>::new());
        assert_eq!(places(&collection), [1, 2]);
    }
}

#[test]
fn remarks_that_cannot_be_kept_are_told_once() {
    let root = tempfile::tempdir().unwrap();
    let mut collection = open(root.path());
    collection.append(&[record(1)]).unwrap();
    std::fs::remove_dir_all(root.path()).unwrap();
    let told = vec!["a source is missing".to_owned()];
    assert!(collection.remark(told.clone()).is_err());
    assert!(collection.remarks() == told && collection.remark(told).is_ok());
}

#[test]
fn a_temporary_collection_moves_into_a_store_that_takes_no_remarks() {
    let root = tempfile::tempdir().unwrap();
    let mut collection = Collection::open(None, Provenance::default(), 2).unwrap();
    collection.append(&[record(1)]).unwrap();
    collection.remark(vec!["a source is missing".to_owned()]).unwrap();
    // Where the remarks would be, something else is.
    drop(open(root.path()));
    let folder = std::fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::create_dir(folder.join("remarks.json")).unwrap();
    collection.move_to(&Store::new(root.path()), provenance()).unwrap();
    let told = collection.take_notices();
    assert!(told.len() == 1 && told[0].contains("can't be kept"), "{told:?}");
    drop(collection);
    assert_eq!(places(&open(root.path())), [1]);
}

#[test]
fn a_store_of_which_a_file_cannot_be_read_is_not_added_to() {
    let root = tempfile::tempdir().unwrap();
    let mut collection = open(root.path());
    collection.append(&[record(1)]).unwrap();
    drop(collection);
    let folder = std::fs::read_dir(root.path()).unwrap().next().unwrap().unwrap().path();
    // No file, by the name of one.
    std::fs::create_dir(folder.join("1.arrows")).unwrap();
    std::fs::create_dir(folder.join("1.sums")).unwrap();
    let mut collection = open(root.path());
    assert!(collection.take_notices()[0].contains("can't be kept"));
    collection.append(&[record(2)]).unwrap();
    collection.refresh().unwrap();
    assert_eq!((places(&collection), collection.kept_bytes()), (vec![1, 2], None));
}
