//! The commands.

use std::path::Path;

use super::pages::{block, blocks};
use super::support::{PROGRAM, RunningDev, run};

#[tokio::test]
async fn the_curl_lines_do_what_they_say() {
    let (dev, folder) = (RunningDev::start().await, tempfile::tempdir().unwrap());
    let lines: String = blocks("curl").into_iter().map(|block| block.text).collect();
    assert!(lines.contains("http://127.0.0.1:8000/"));
    let printed = run(&lines.replace("http://127.0.0.1:8000", &dev.url("")), folder.path()).await;
    for expected in [
        r#""dir":"uploads/""#,
        "hello from curl\n",
        r#""dir":"avatars/alice/""#,
        r#""code":"key_outside_directory""#,
        r#""headers":{"Content-Type":"image/png"}"#,
        r#""method":"GET""#,
    ] {
        assert!(printed.contains(expected), "{expected} is not in\n{printed}");
    }
}

/// They start what runs until it is stopped, so it is their arguments that are held to be right.
#[tokio::test]
async fn the_commands_that_start_something_exist() {
    for line in blocks("start").iter().flat_map(|block| block.text.lines()) {
        if let Some(arguments) = line.strip_prefix("cargo run --release -- ") {
            run(&format!("{PROGRAM} {arguments} --help"), Path::new(".")).await;
        } else {
            assert_eq!(line, "bash tests/run.sh");
            assert!(Path::new("tests/run.sh").exists());
        }
    }
}

#[tokio::test]
async fn a_new_key_is_printed_with_its_lines() {
    for shown in blocks("key") {
        let id = shown.text.trim().rsplit(' ').next().unwrap();
        let printed = run(&shown.text, Path::new(".")).await;
        assert!(printed.contains("ovk_") && printed.contains("[[auth.api_keys]]") && printed.contains(id));
    }
}

#[tokio::test]
async fn explain_tells_of_the_configuration_that_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("oss-vend.toml"), block("config", "served")).unwrap();
    let printed = run(&block("explain", ""), folder.path()).await;
    assert!(printed.contains("uploads/") && printed.contains("allow"), "{printed}");
}

#[tokio::test]
async fn a_health_check_tells_by_its_exit_code() {
    let dev = RunningDev::start().await;
    let here = Path::new(".");
    for path in ["/healthz", "/readyz"] {
        run(&format!("oss-vend healthcheck --url {}", dev.url(path)), here).await;
    }
    for (url, told) in [(dev.url("/nowhere"), "404"), ("http://127.0.0.1:1/healthz".to_owned(), "refused")] {
        let script = format!("! oss-vend healthcheck --url {url} 2>&1");
        let printed = run(&script, here).await;
        assert!(printed.contains(&url) && printed.contains(told), "{printed}");
    }
}
