//! What a bucket keeps, in memory and in a folder.

use std::fs;
use std::path::Path;

use super::super::{Facts, Kind, Store};
use super::*;

fn store(folder: &Path) -> Store {
    Store::open(Some(folder)).expect("it opens")
}

fn settings() -> Settings {
    Settings::new("private".to_owned(), DateTime::UNIX_EPOCH)
}

async fn object(store: &Store, text: &str) -> Object {
    let mut writer = store.writer().await.expect("there is space");
    writer.write(text.as_bytes()).await.expect("there is space");
    let written = writer.finish().await.expect("there is space");
    let facts = Facts {
        etag: const_hex::encode_upper(written.md5),
        content_md5: None,
        crc64: written.crc64,
        kind: Kind::Normal,
        modified: DateTime::UNIX_EPOCH,
        version: None,
        restored: None,
    };
    Object { content: written.content, attributes: super::super::Attributes::default(), facts }
}

fn blob_files(folder: &Path) -> usize {
    fs::read_dir(folder.join("blobs")).expect("the folder is there").count()
}

#[tokio::test]
async fn objects_of_any_key_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keys = ["a", "a/b", "../../etc", "…", "CON", "a\0b", &"x".repeat(1023)];
    {
        let store = store(folder.path());
        let bucket = store.create("examplebucket", settings()).expect("it is made");
        for key in keys {
            let made = object(&store, key).await;
            bucket.put(key, |_| Ok::<_, io::Error>(made)).expect("it is kept");
        }
    }
    let bucket = store(folder.path()).bucket("examplebucket").expect("it was made");
    for key in keys {
        assert_eq!(bucket.object(key).map(|object| object.content.size()), Some(key.len() as u64), "{key}");
    }
    assert_eq!(blob_files(folder.path()), keys.len());
}

#[tokio::test]
async fn a_file_goes_with_its_last_owner_and_not_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = store(folder.path());
    let bucket = store.create("examplebucket", settings()).expect("it is made");
    let made = object(&store, "shared").await;
    let copy = made.clone();
    bucket.put("one", |_| Ok::<_, io::Error>(made)).expect("it is kept");
    bucket.put("two", |_| Ok::<_, io::Error>(copy)).expect("it is kept");
    bucket.remove("one", None, DateTime::UNIX_EPOCH).expect("it goes");
    assert_eq!(blob_files(folder.path()), 1);
    let other = object(&store, "other").await;
    bucket.put("two", |_| Ok::<_, io::Error>(other)).expect("it is kept");
    assert_eq!(blob_files(folder.path()), 1);
    bucket.remove("two", None, DateTime::UNIX_EPOCH).expect("it goes");
    assert_eq!(blob_files(folder.path()), 0);
}

#[tokio::test]
async fn what_is_not_finished_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = store(folder.path());
    let mut writer = store.writer().await.expect("there is space");
    writer.write(b"half").await.expect("there is space");
    assert_eq!(blob_files(folder.path()), 1);
    drop(writer);
    assert_eq!(blob_files(folder.path()), 0);
    fs::write(folder.path().join("blobs").join("cut-off"), "half").expect("it is written");
    assert_eq!(blob_files(folder.path()), 1);
    drop(store);
    Store::open(Some(folder.path())).expect("it opens");
    assert_eq!(blob_files(folder.path()), 0);
}

#[tokio::test]
async fn versions_pile_up_survive_a_restart_and_go_one_by_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    {
        let store = store(folder.path());
        let bucket = store.create("examplebucket", settings()).expect("it is made");
        for (text, versioning) in [("plain", Versioning::Enabled), ("second", Versioning::Enabled)] {
            let made = object(&store, text).await;
            bucket.put("a", |_| Ok::<_, io::Error>(made)).expect("it is kept");
            bucket.change(|settings| settings.versioning = versioning).expect("it is written");
        }
        let removed = bucket.remove("a", None, DateTime::UNIX_EPOCH).expect("it goes");
        assert!(removed.marker && bucket.object("a").is_none());
    }
    let bucket = store(folder.path()).bucket("examplebucket").expect("it was made");
    assert_eq!((bucket.stat(), blob_files(folder.path())), ((2, 11, 0), 2));
    let marker = bucket.version("a", None).expect("the marker is the newest").id().to_owned();
    let removed = bucket.remove("a", Some(&marker), DateTime::UNIX_EPOCH).expect("it goes");
    assert_eq!(removed, Removed { version: Some(marker), marker: true });
    let second = bucket.version("a", None).expect("the second is the newest").id().to_owned();
    bucket.remove("a", Some(&second), DateTime::UNIX_EPOCH).expect("it goes");
    bucket.remove("a", Some("null"), DateTime::UNIX_EPOCH).expect("it goes");
    assert!(bucket.is_empty());
    assert_eq!(blob_files(folder.path()), 0);
}

#[tokio::test]
async fn pages_of_versions_add_up_to_the_whole() {
    let store = Store::open(None).expect("it opens");
    let bucket = store.create("examplebucket", settings()).expect("it is made");
    bucket.change(|settings| settings.versioning = Versioning::Enabled).expect("it is changed");
    for key in ["a", "b/1", "b/2", "a", "c", "a"] {
        let made = object(&store, key).await;
        bucket.put(key, |_| Ok::<_, io::Error>(made)).expect("it is kept");
    }
    bucket.remove("c", None, DateTime::UNIX_EPOCH).expect("it goes");
    for max in 1..=7 {
        let (mut seen, mut after) = (Vec::new(), (String::new(), String::new()));
        loop {
            let listing = Listing { delimiter: "/".to_owned(), after: after.0, max, ..Listing::default() };
            let page = bucket.list_versions(&listing, &after.1);
            seen.extend(page.versions.iter().map(|listed| format!("{}{}", listed.key, i32::from(listed.latest))));
            seen.extend(page.prefixes);
            let Some(next) = page.next else { break };
            after = next;
        }
        seen.sort();
        assert_eq!(seen, ["a0", "a0", "a1", "b/", "c0", "c1"], "pages of {max}");
    }
}
