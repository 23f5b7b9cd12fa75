//! The embedded DynamoDB.
#![cfg(test)]

use std::{fs, os::unix::fs::PermissionsExt as _};

use local::tables::start_engine;

#[tokio::test]
async fn only_the_owner_may_read_the_file() {
    let folder = tempfile::tempdir().unwrap();
    start_engine(Some(folder.path())).await.unwrap();
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()).collect();
    assert!(files.iter().any(|file| file.file_name() == "dynamodb.sqlite"), "{files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}
