//! For which hosts `serve` answers, by why it serves callers without proof.

use tempfile::TempDir;

use crate::serve::Serve;

const VENDING: [&str; 2] = ["/grants", "/presigned-url"];

#[track_caller]
fn each(variables: &[(&str, &str)], answered: &[&str], refused: &[&str]) {
    let folder = TempDir::new().unwrap();
    let serve = Serve::with(&folder, &[&[("OSS_VEND__AUDIT__TO", "off")], variables].concat());
    for path in VENDING {
        for host in answered {
            assert_ne!(serve.status_for_host(path, host), 421, "{variables:?} {host} {path}");
        }
        for host in refused {
            assert_eq!(serve.status_for_host(path, host), 421, "{variables:?} {host} {path}");
        }
    }
    assert_ne!(serve.status_for_host("/readyz", "evil.example"), 421);
}

#[test]
fn without_authentication_on_loopback_only_local_hosts_are_answered() {
    let local = ["localhost", "localhost:8000", "a.localhost", "127.0.0.1:8000", "[::1]:8000"];
    each(&[], &local, &["evil.example", "localhost.evil.example", ""]);
}

#[test]
fn where_anonymous_callers_are_configured_any_host_is_answered_unless_hosts_are_listed() {
    let anonymous = ("OSS_VEND__AUTH__ANONYMOUS", "true");
    each(&[anonymous], &["upload.example.com", "localhost", ""], &[]);
    let hosts = ("OSS_VEND__HOSTS", "upload.example.com, localhost");
    each(&[anonymous, hosts], &["upload.example.com:443", "localhost"], &["evil.example", "127.0.0.1", ""]);
    each(&[hosts], &["upload.example.com"], &["evil.example", "127.0.0.1"]);
}

#[test]
fn where_callers_are_known_any_host_is_answered_unless_hosts_are_listed() {
    let keys = format!("[{{\"id\":\"a\",\"hash\":\"sha256:{}\"}}]", "0".repeat(64));
    let keys = ("OSS_VEND__AUTH__API_KEYS", keys.as_str());
    each(&[keys], &["upload.example.com", "localhost"], &[]);
    each(&[keys, ("OSS_VEND__HOSTS", "upload.example.com")], &["upload.example.com"], &["evil.example", "localhost"]);
}
