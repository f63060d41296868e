//! An explanation as a person reads it.

use std::fmt::Write as _;

use serde_json::Value;

use super::decide::{Answer, Explanation, Handed, SessionView};

pub(super) fn of(explanation: &Explanation<'_>) -> String {
    let Explanation { grant, caller, unmet, dir, keys, answers } = explanation;
    let mut text = format!("{:<10} {grant}\n{:<10} {}\n", "grant", "caller", caller.unwrap_or("(anonymous)"));
    match dir.as_deref() {
        Some("") => line(&mut text, "directory", "(the whole bucket)"),
        Some(dir) => line(&mut text, "directory", dir),
        None => {}
    }
    if *keys == "server" {
        line(&mut text, "keys", "named by the server");
    }
    if let Some(unmet) = unmet {
        line(&mut text, "not met", unmet);
    }
    if answers.is_empty() {
        text.push_str("\nthe grant has nothing to show here: say --method, or --key\n");
    }
    for answer in answers {
        push(&mut text, answer);
    }
    text
}

fn line(text: &mut String, name: &str, value: &str) {
    writeln!(text, "{name:<10} {value}").expect("a String takes what is written");
}

fn push(text: &mut String, answer: &Answer) {
    text.push('\n');
    line(text, &answer.method, if answer.allowed { "allow" } else { "deny" });
    if let Some(problem) = &answer.problem {
        let of = |name: &str| problem[name].as_str().unwrap_or_default();
        line(text, "  answer", &format!("{} {}", problem["status"], of("code")));
        line(text, "  reason", of("detail"));
        line(text, "  hint", of("hint"));
    }
    if let Some(handed) = &answer.handed {
        push_handed(text, handed);
    }
}

fn push_handed(text: &mut String, handed: &Handed) {
    if let Some(key) = &handed.key {
        line(text, "  key", key);
    }
    match handed.reads {
        Some("confined") => line(text, "  reads", "confined: the session reads nothing outside the directory"),
        Some(_) => line(text, "  reads", "shared: one session signs for all callers"),
        None => {}
    }
    line(text, "  lives", &format!("{} s at most", handed.seconds));
    for condition in handed.conditions.iter().filter_map(Value::as_array).flatten() {
        line(text, "  condition", &condition.to_string());
    }
    for (name, value) in handed.headers.iter().flatten() {
        line(text, "  header", &format!("{name}: {}", value.as_str().unwrap_or_default()));
    }
    for (name, value) in &handed.query {
        line(text, "  query", &format!("{name}={}", value.as_str().unwrap_or_default()));
    }
    if let Some(allowed) = &handed.process_allow {
        line(text, "  process", &format!("may be {allowed}"));
    }
    push_session(text, &handed.session);
}

fn push_session(text: &mut String, session: &SessionView) {
    let SessionView { name, role_arn, duration, policy, policy_bytes, policy_limit } = session;
    line(text, "  session", &format!("{name}, {duration} s, of {role_arn}"));
    match policy {
        Some(policy) => {
            line(text, "  policy", &format!("{}/{} bytes", grouped(*policy_bytes), grouped(*policy_limit)));
            writeln!(text, "    {policy}").expect("a String takes what is written");
        }
        None => line(text, "  policy", "none: the session has all rights of the role"),
    }
}

/// `2048` as `2,048`.
fn grouped(number: usize) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (thousands, rest) => format!("{thousands},{rest:03}"),
    }
}
