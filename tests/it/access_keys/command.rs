//! A program that prints the key.

use oss_vend::access_key::Source;

use super::{Bench, temporary};

fn bench(command: &[&str]) -> Bench {
    Bench::new(Source::Command(command.iter().map(|word| (*word).to_owned()).collect()))
}

fn shell(script: &str) -> Bench {
    bench(&["/bin/sh", "-c", script])
}

#[tokio::test]
async fn what_it_prints_is_the_key_and_no_shell_reads_its_arguments() {
    let bench = bench(&["/usr/bin/printf", "%s", &temporary("a", 60).to_string()]);
    assert_eq!((bench.id().await.unwrap(), bench.keys.source()), ("STS.a".into(), "command"));
    let error = self::bench(&["/usr/bin/printf", "%s", "$(echo hush); echo hush"]).error().await;
    assert_eq!(error, "command: what was read is not the documented JSON");
}

#[tokio::test]
async fn a_program_that_fails_says_how_and_not_what_it_printed() {
    for (script, told) in [
        ("echo hush-secret >&2; exit 3", "the command /bin/sh ended with exit status: 3"),
        ("echo hush", "what was read is not the documented JSON"),
        ("echo '{\"Code\":\"Failed\"}'", "its Code is \"Failed\", not \"Success\""),
        ("while :; do echo hushhushhushhushhushhushhushhush; done", "what was read is too long"),
    ] {
        assert_eq!(shell(script).error().await, format!("command: {told}"));
    }
    let error = bench(&["/nonexistent/program"]).error().await;
    assert_eq!(error, "command: the command /nonexistent/program does not run: entity not found");
}

#[tokio::test]
async fn a_program_that_hangs_is_given_up_and_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let bench = shell(&format!("echo $$ > '{}'; exec sleep 3600", file.display()));
    assert_eq!(bench.while_time_passes(bench.error()).await, "command: it took too long");
    let Ok(pid) = std::fs::read_to_string(&file) else { return };
    // What was killed is gone, or waits to be reaped; sleeping it is no more.
    let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let sleeps = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap_or_default();
        status.contains("State:") && !status.contains("State:\tZ")
    };
    while sleeps() {
        assert!(tokio::time::Instant::now() < patience, "it still runs");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
