//! Certificate and key.

use std::fs;

use chrono::{DateTime, Utc};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::Folder;

/// A certificate for `localhost` that ends in the year given, and its key.
pub(super) fn pair(ends: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(ends, 3, 4);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn folder(certificate: &str, key: &str) -> Folder {
    let folder = Folder::with(
        "[tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"\n[grants.default]\nbucket = \"b-1\"\nregion = \"cn-hangzhou\"\nrole_arn = \"acs:ram::1:role/r\"",
    );
    fs::write(folder.path("a.pem"), certificate).unwrap();
    fs::write(folder.path("b.pem"), key).unwrap();
    folder
}

#[test]
fn a_pair_is_taken_with_the_end_of_its_life() {
    for ends in [2031, 2049, 2050, 2999] {
        let (certificate, key) = pair(ends);
        let tls = folder(&certificate, &key).load(&[]).unwrap().tls.unwrap();
        let expected: DateTime<Utc> = format!("{ends}-03-04T00:00:00Z").parse().unwrap();
        assert_eq!(tls.ends, Some(expected));
        assert!(!format!("{tls:?}").contains("Key"));
    }
}

#[test]
fn what_does_not_go_together_is_refused_with_its_line() {
    let ((certificate, key), (_, other)) = (pair(2031), pair(2031));
    for (certificate, key, words) in [
        (certificate.as_str(), other.as_str(), ["oss-vend.toml:3", "is not the key of tls.certificate"]),
        (&certificate, &certificate, ["oss-vend.toml:3", "private key"]),
        (&key, &key, ["oss-vend.toml:2", "server's certificate first"]),
        ("", &key, ["oss-vend.toml:2", "server's certificate first"]),
    ] {
        let told = folder(certificate, key).load(&[]).unwrap_err().to_string();
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
        assert!(!told.contains("BEGIN"));
    }
    let gone = folder(&certificate, &key);
    fs::remove_file(gone.path("b.pem")).unwrap();
    assert!(gone.load(&[]).unwrap_err().to_string().contains("oss-vend.toml:3"));
}

#[test]
fn a_new_certificate_is_a_change() {
    let (one, two) = (pair(2031), pair(2031));
    let [before, after] = [&one, &two].map(|(certificate, key)| folder(certificate, key).load(&[]).unwrap());
    assert_eq!(after.written.changes(&before.written).to_string(), "tls.certificate");
}
