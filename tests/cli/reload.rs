//! Reload by signal and by file, as an operator does it.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use crate::serve::Serve;

const CONFIG: &str = r#"
[auth]
anonymous = true

[limits]
per_address = "100/s"

[grants.default]
bucket = "examplebucket"
region = "cn-hangzhou"

[grants.avatars]
bucket = "examplebucket"
region = "cn-hangzhou"
dir = "avatars/"
"#;

const RELOADED: &str = "the configuration was reloaded";
const REFUSED: &str = "the new configuration is refused, and the one before stays";

/// A folder with a configuration, and a server that was started with it.
fn serve(config: &str) -> (TempDir, Serve) {
    let folder = TempDir::new().unwrap();
    write(&folder, config);
    let serve = Serve::start(&folder, &["--config", "oss-vend.toml", "--listen", "127.0.0.1:0"], &[]);
    (folder, serve)
}

fn write(folder: &TempDir, config: &str) {
    fs::write(folder.path().join("oss-vend.toml"), config).unwrap();
}

/// Whether the grant `avatars` is there.
fn has_avatars(serve: &Serve) -> bool {
    let (status, text) = serve.get("/grants");
    assert_eq!(status, 200, "{text}");
    text.contains("avatars")
}

#[test]
fn a_reload_after_which_links_are_followed_again_says_so() {
    let reads = "dir = \"avatars/${caller.id}/\"\nmethods = [\"sts\", \"put\", \"get\"]\n";
    let confined = CONFIG.replace("dir = \"avatars/\"\n", reads);
    let (folder, mut serve) = serve(&confined);
    write(&folder, &confined.replace("\"sts\", ", ""));
    serve.signal("HUP");
    let told = serve.until("reads are no longer confined");
    assert_eq!((told["level"].as_str(), told["grant"].as_str()), (Some("WARN"), Some("avatars")), "{told}");
}

#[test]
fn sighup_takes_what_is_good_and_refuses_what_is_not() {
    let (folder, mut serve) = serve(CONFIG);
    serve.signal("HUP");
    serve.until("the configuration was read again: nothing changed");
    assert!(has_avatars(&serve));
    let without = CONFIG.split("[grants.avatars]").next().unwrap();
    write(&folder, &without.replace("100/s", "200/s").replacen('\n', "\nlisten = \"127.0.0.1:1\"\n", 1));
    serve.signal("HUP");
    serve.until("listen cannot change without a restart");
    assert_eq!(serve.until(RELOADED)["changes"], "grants.avatars (removed), limits.per_address, listen");
    assert!(!has_avatars(&serve));
    write(&folder, &without.replace("bucket", "bukcet"));
    serve.signal("HUP");
    let reason = serve.until(REFUSED)["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("oss-vend.toml:9: ") && reason.contains("did you mean \"bucket\"?"), "{reason}");
    assert!(!has_avatars(&serve), "the one before stays");
    write(&folder, CONFIG);
    serve.signal("HUP");
    serve.until(RELOADED);
    assert!(has_avatars(&serve));
}

#[test]
fn a_file_that_changes_is_taken_without_a_word() {
    let policies = CONFIG.replace("dir = \"avatars/\"", "policy = \"now/policy.json\"");
    let folder = TempDir::new().unwrap();
    write(&folder, &policies);
    let document = |resource: &str| {
        let statement = format!(r#"{{"Effect":"Allow","Action":["oss:PutObject"],"Resource":["{resource}"]}}"#);
        format!(r#"{{"Version":"1","Statement":[{statement}]}}"#)
    };
    for (version, resource) in [("1", "acs:oss:*:*:examplebucket/a/*"), ("2", "acs:oss:*:*:examplebucket/b/*")] {
        fs::create_dir(folder.path().join(version)).unwrap();
        fs::write(folder.path().join(version).join("policy.json"), document(resource)).unwrap();
    }
    let now = folder.path().join("now");
    symlink("1", &now).unwrap();
    let mut serve = Serve::start(&folder, &["--config", "oss-vend.toml", "--listen", "127.0.0.1:0"], &[]);
    // As Kubernetes does it: a new link takes the old one's place.
    let next = folder.path().join("next");
    symlink("2", &next).unwrap();
    fs::rename(&next, &now).unwrap();
    assert_eq!(serve.until(RELOADED)["changes"], "grants.avatars.policy");
    write(&folder, "[grants.default");
    serve.until(REFUSED);
    assert!(has_avatars(&serve));
    write(&folder, &policies);
    serve.until("the configuration is again the one that runs");
    write(&folder, &policies.replace("100/s", "200/s"));
    assert_eq!(serve.until(RELOADED)["changes"], "limits.per_address");
}

#[test]
fn a_reload_opens_no_listener_to_all() {
    let folder = TempDir::new().unwrap();
    let hash = format!("sha256:{}", "0".repeat(64));
    let closed = CONFIG.replace("anonymous = true", &format!("api_keys = [{{ id = \"a\", hash = \"{hash}\" }}]"));
    write(&folder, &closed);
    let mut serve = Serve::start(&folder, &["--config", "oss-vend.toml", "--listen", "0.0.0.0:0"], &[]);
    write(&folder, CONFIG);
    serve.signal("HUP");
    let reason = serve.until(REFUSED)["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("--insecure-allow-anonymous"), "{reason}");
    let port = serve.address.rsplit(':').next().unwrap().to_owned();
    serve.address = format!("127.0.0.1:{port}");
    assert_eq!(serve.get("/grants").0, 401);
}

#[test]
fn a_reload_that_removes_the_last_proof_is_refused_on_loopback_too() {
    let folder = TempDir::new().unwrap();
    let hash = format!("sha256:{}", "0".repeat(64));
    let closed = CONFIG.replace("anonymous = true", &format!("api_keys = [{{ id = \"a\", hash = \"{hash}\" }}]"));
    write(&folder, &closed);
    let mut serve = Serve::start(&folder, &["--config", "oss-vend.toml", "--listen", "127.0.0.1:0"], &[]);
    for open in [CONFIG.to_owned(), CONFIG.replace("anonymous = true", "")] {
        write(&folder, &open);
        serve.signal("HUP");
        let refused = serve.until(REFUSED);
        assert_eq!(refused["level"], "ERROR");
        let reason = refused["reason"].as_str().unwrap();
        assert!(reason.contains("would serve callers without proof"), "{reason}");
        assert_eq!(serve.get("/grants").0, 401);
    }
    write(&folder, &closed.replace("dir = \"avatars/\"", "dir = \"avatars/\"\nmethods = [\"put\", \"get\"]"));
    serve.signal("HUP");
    let widened = serve.until("reload widens access");
    assert_eq!((&widened["level"], &widened["changes"]), (&"WARN".into(), &"grants.avatars.methods: get added".into()));
    assert_eq!(serve.until(RELOADED)["changes"], "grants.avatars.methods");
}
