use std::path::Path;

use super::*;
use crate::store::{Record, Store, to_half};

fn provenance() -> Provenance {
    Provenance { scene_fingerprint: "s".to_owned(), scene: "here.tif".into(), ..Provenance::default() }
}

fn open(root: &Path) -> Collection {
    let mut collection = Collection::open(Some(&Store::new(root)), provenance(), 2).unwrap();
    assert_eq!(collection.take_notices(), Vec::<String>::new());
    collection
}

fn record(x: u32) -> Record {
    let length = (x as f32).hypot(1.0);
    Record { key: key(x), nodata: 0.0, embedding: to_half(&[1.0 / length, x as f32 / length]) }
}

fn embedding(x: u32) -> Vec<f32> {
    record(x).embedding.iter().map(|value| value.to_f32()).collect()
}

fn key(x: u32) -> WindowKey {
    WindowKey { x, y: 0, side: 64 }
}

#[test]
fn windows_are_found_by_their_place_after_all_is_closed() {
    let root = tempfile::tempdir().unwrap();
    let mut collection = open(root.path());
    collection.append(&[record(1), record(2)]).unwrap();
    collection.append(&[Record { nodata: 1.0, embedding: Vec::new(), ..record(3) }]).unwrap();
    assert_eq!(collection.embedding(key(2)), None, "not yet looked at");
    collection.refresh().unwrap();
    assert_eq!(collection.embedding(key(2)), Some(embedding(2)));
    drop(collection);
    let collection = open(root.path());
    assert_eq!(collection.len(), 3);
    assert_eq!(collection.embedding(key(2)), Some(embedding(2)));
    assert!(collection.find(key(3)).is_some() && collection.embedding(key(3)).is_none());
    assert!(collection.find(WindowKey { side: 128, ..key(1) }).is_none());
    let folder = collection.kept.as_ref().unwrap().folder.clone();
    drop(collection);
    let read = Collection::read(&folder).unwrap();
    assert_eq!((read.provenance().scene.to_str(), read.len()), (Some("here.tif"), 3));
}

#[test]
fn two_programs_write_side_by_side() {
    let root = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (open(root.path()), open(root.path()));
    one.append(&[record(1), record(2)]).unwrap();
    two.append(&[record(2), record(3)]).unwrap();
    drop((one, two));
    assert_eq!(open(root.path()).len(), 3);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_and_does_no_harm() {
    let root = tempfile::NamedTempFile::new().unwrap();
    let store = Store::new(root.path());
    let mut collection = Collection::open(Some(&store), provenance(), 2).unwrap();
    assert!(collection.take_notices()[0].contains("can't be kept"));
    assert_eq!(collection.kept_bytes(), None);
    collection.append(&[record(1)]).unwrap();
    collection.refresh().unwrap();
    assert_eq!(collection.embedding(key(1)), Some(embedding(1)));
}

#[test]
fn another_model_or_scene_has_another_folder() {
    let other = Provenance { model_fingerprint: "m".to_owned(), ..provenance() };
    assert_ne!(provenance().folder(), other.folder());
    let moved = Provenance { scene: "there.tif".into(), ..provenance() };
    assert_eq!(provenance().folder(), moved.folder());
}

#[test]
fn what_others_store_meanwhile_is_taken_over_and_not_stored_again() {
    let root = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (open(root.path()), open(root.path()));
    one.append(&[record(1), record(2)]).unwrap();
    assert_eq!((two.len(), two.embedding(key(2))), (0, None));
    two.look_around();
    assert_eq!((two.len(), two.embedding(key(2))), (2, Some(embedding(2))));
    two.append(&[record(2), record(3)]).unwrap();
    one.append(&[record(3), record(2)]).unwrap();
    one.refresh().unwrap();
    two.refresh().unwrap();
    assert_eq!((one.len(), two.len()), (3, 3));
    let stored: usize = two.batches().iter().map(StoredBatch::len).sum();
    assert_eq!(stored, 3, "each window once");
}

#[test]
fn a_store_that_is_removed_meanwhile_is_told_and_the_rest_goes_on() {
    let root = tempfile::tempdir().unwrap();
    let mut collection = open(root.path());
    collection.append(&[record(1)]).unwrap();
    assert!(collection.kept_bytes().is_some_and(|bytes| bytes > 0));
    for entry in std::fs::read_dir(root.path()).unwrap() {
        std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
    assert_eq!(collection.kept_bytes(), None);
    collection.append(&[record(2)]).unwrap();
    assert!(collection.take_notices()[0].contains("any more"));
    collection.refresh().unwrap();
    assert_eq!(collection.embedding(key(1)), Some(embedding(1)));
    assert_eq!(collection.embedding(key(2)), Some(embedding(2)));
}

#[test]
fn a_temporary_collection_moves_into_a_store() {
    let root = tempfile::tempdir().unwrap();
    open(root.path()).append(&[record(1), record(2)]).unwrap();
    let mut collection = Collection::open(None, Provenance::default(), 2).unwrap();
    collection.append(&[record(2), record(3)]).unwrap();
    collection.move_to(&Store::new(root.path()), provenance()).unwrap();
    assert_eq!(collection.len(), 3);
    collection.append(&[record(4)]).unwrap();
    drop(collection);
    assert_eq!(open(root.path()).len(), 4);
}
