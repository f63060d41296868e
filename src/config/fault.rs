//! What is wrong with a configuration, told with the place, and never with a secret.

use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use super::problem::{Path, Problem, index, is_secret};
use super::tree::{self, Origin, Table};

/// Everything that is wrong with the configuration of one start: one text for each fault, with its place first.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    faults: Vec<String>,
}

impl ConfigError {
    pub(super) fn of(fault: String) -> Self {
        Self { faults: vec![fault] }
    }

    /// The faults, those of the file first and by line.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

/// The text of the configuration file and the name it goes by.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

/// Collects what is wrong.
pub(super) struct Faults {
    source: Source,
    /// The line of each fault, `usize::MAX` outside the file, and its text.
    told: Vec<(usize, String)>,
    /// What has been blamed already: what follows from one mistake is not told twice.
    blamed: Vec<Path>,
}

impl Faults {
    pub(super) fn new(source: Source) -> Self {
        Self { source, told: Vec::new(), blamed: Vec::new() }
    }

    /// What was collected, or nothing wrong.
    pub(super) fn into_result(mut self) -> Result<(), ConfigError> {
        self.told.sort_by_key(|(line, _)| *line);
        let faults: Vec<_> = self.told.into_iter().map(|(_, text)| text).collect();
        if faults.is_empty() { Ok(()) } else { Err(ConfigError { faults }) }
    }

    /// A fault with no place in the file.
    pub(super) fn tell(&mut self, text: impl Into<String>) {
        self.told.push((usize::MAX, text.into()));
    }

    /// The value at `path`, or its absence, is wrong.
    pub(super) fn add(&mut self, path: &[String], problem: &Problem, table: &Table) {
        if self.blamed.iter().any(|blamed| blamed == path) {
            return;
        }
        self.blamed.push(path.to_vec());
        if let Some((last, list)) = path.split_last()
            && index(last).is_some()
        {
            self.blamed.push(list.to_vec());
        }
        self.blamed.extend(problem.meant(path));
        let told = match tree::origin(table, path) {
            Some(Origin::File { key, value }) => self.in_file(path, problem, key, value),
            Some(Origin::Variable(name)) => (usize::MAX, problem.in_variable(path, name)),
            None => (usize::MAX, problem.in_file(path)),
        };
        self.told.push(told);
    }

    fn in_file(&self, path: &[String], problem: &Problem, key: &Range<usize>, value: &Range<usize>) -> (usize, String) {
        let (at, shown) = match problem {
            Problem::Missing(_) => (key, Shown::Line),
            Problem::UnknownKey { .. } => (key, Shown::KeyOnly(key)),
            _ if is_secret(path) => (key, Shown::KeyOnly(key)),
            _ => (value, Shown::Line),
        };
        (self.source.line(at.start), self.source.mark(at, &problem.in_file(path), &shown))
    }
}

/// How much of a line may be shown.
enum Shown<'r> {
    Line,
    /// The line up to the end of this key.
    KeyOnly(&'r Range<usize>),
    Nothing,
}

impl Source {
    /// What is told of a file that is not TOML.
    pub(super) fn syntax_error(&self, error: &toml::de::Error) -> ConfigError {
        let at = error.span().unwrap_or(0..0);
        let shown = if self.near_a_secret(at.start) { Shown::Nothing } else { Shown::Line };
        let message = match (error.message(), self.text.get(at.clone())) {
            ("duplicate key", Some(key)) => format!("duplicate key {key:?}"),
            (message, _) => message.to_owned(),
        };
        ConfigError::of(self.mark(&at, &message, &shown))
    }

    /// Whether the section speaks of secrets between its start and the end of this line: a string that lacks its end runs on.
    fn near_a_secret(&self, offset: usize) -> bool {
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |length| offset + length);
        let start = self.text[..offset].rfind("\n[").unwrap_or(0);
        speaks_of_secrets(&self.text[start..end])
    }

    fn line(&self, offset: usize) -> usize {
        self.text[..offset].matches('\n').count() + 1
    }

    /// `oss-vend.toml:12: message`, and below it the line with carets.
    fn mark(&self, at: &Range<usize>, message: &str, shown: &Shown<'_>) -> String {
        let number = self.line(at.start);
        let head = format!("{}:{number}: {message}", self.name);
        let Some((before, rest)) = self.excerpt(at.start, shown) else { return head };
        let line = format!("{before}{rest}");
        let gutter = " ".repeat(number.to_string().len());
        let indent: String = before.chars().map(|c| if c == '\t' { c } else { ' ' }).collect();
        let within = rest.len().min(at.len());
        let carets = "^".repeat(rest.get(..within).map_or(1, |text| text.chars().count()).max(1));
        format!("{head}\n{gutter} |\n{number} | {line}\n{gutter} | {indent}{carets}")
    }

    /// The line of `offset`, parted there, as far as it may be shown.
    fn excerpt(&self, offset: usize, shown: &Shown<'_>) -> Option<(&str, String)> {
        let start = self.text[..offset].rfind('\n').map_or(0, |end| end + 1);
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |length| offset + length);
        let (before, rest) = (&self.text[start..offset], self.text[offset..end].trim_end());
        match shown {
            Shown::Nothing => None,
            Shown::Line => (!speaks_of_secrets(before) && !speaks_of_secrets(rest)).then(|| (before, rest.to_owned())),
            // A header holds no value.
            Shown::KeyOnly(_) if before.trim_start().starts_with('[') => Some((before, rest.to_owned())),
            Shown::KeyOnly(_) if !before.trim().is_empty() => None,
            Shown::KeyOnly(key) => Some((before, format!("{} = …", &self.text[(*key).clone()]))),
        }
    }
}

fn speaks_of_secrets(text: &str) -> bool {
    let password = text.contains("://") && text.contains('@');
    password || ["_key", "secret", "token", "hash", "password"].iter().any(|word| text.contains(word))
}
