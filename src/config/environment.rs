//! The environment as a value, so that a test or an embedding program brings its own.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::time::Duration;

/// What every variable that sets a key of the file begins with; names after it are joined by `__`.
///
/// One underscore would not do: Kubernetes gives every pod `OSS_VEND_PORT` and its kin once a service has our name.
const PREFIX: &str = "OSS_VEND__";

/// The environment variables of a start. `Debug` shows names only, since values may be secrets.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. What is not UTF-8 holds U+FFFD, which no setting takes.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the environment is read")]
    pub fn of_process() -> Self {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// The socket on which a service manager wants to be told how the server fares (`sd_notify(3)`).
    #[must_use]
    pub fn notify_socket(&self) -> Option<&str> {
        self.value("NOTIFY_SOCKET")
    }

    /// Within what time a service manager wants to hear from the process `id` again and again, if it is that one.
    #[must_use]
    pub fn watchdog(&self, id: u32) -> Option<Duration> {
        let meant = self.value("WATCHDOG_PID").is_none_or(|meant| meant.parse() == Ok(id));
        let micros = self.value("WATCHDOG_USEC")?.parse().ok().filter(|micros| *micros > 0 && meant)?;
        Some(Duration::from_micros(micros))
    }

    /// What is logged where the command line does not say: `OSS_VEND_LOG`, as `--log` takes it.
    #[must_use]
    pub fn log_filter(&self) -> Option<&str> {
        self.value("OSS_VEND_LOG")
    }

    /// The value of `name`, unless it is absent or empty: compose files write `NAME=${NAME:-}`.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of `names` that has a value.
    pub(super) fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &str)> {
        names.iter().find_map(|name| Some((*name, self.value(name)?)))
    }

    /// The variables that set keys of the file: the whole name, the part after the prefix, the value.
    pub(super) fn overlay(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.keys().filter_map(|name| Some((name.as_str(), name.strip_prefix(PREFIX)?, self.value(name)?)))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Debug for Environment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The variable that sets the key at `path`.
pub(super) fn variable_of<S: AsRef<str>>(path: &[S]) -> String {
    let upper = |segment: &S| segment.as_ref().to_ascii_uppercase().replace('-', "_");
    format!("{PREFIX}{}", path.iter().map(upper).collect::<Vec<_>>().join("__"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_and_no_values() {
        let environment: Environment = [("ACCESS_KEY_SECRET", "hush")].into_iter().collect();
        assert_eq!(format!("{environment:?}"), r#"{"ACCESS_KEY_SECRET"}"#);
    }

    #[test]
    fn an_empty_variable_counts_as_absent() {
        let environment: Environment = [("A", ""), ("B", "b")].into_iter().collect();
        assert_eq!(environment.first(&["A", "B"]), Some(("B", "b")));
    }

    #[test]
    fn a_watchdog_is_that_of_the_process_it_names() {
        let watchdog = |variables: &[(&str, &str)]| variables.iter().copied().collect::<Environment>().watchdog(7);
        assert_eq!(watchdog(&[("WATCHDOG_USEC", "5000000")]), Some(Duration::from_secs(5)));
        assert_eq!(watchdog(&[("WATCHDOG_USEC", "5000000"), ("WATCHDOG_PID", "7")]), Some(Duration::from_secs(5)));
        assert_eq!(watchdog(&[("WATCHDOG_USEC", "5000000"), ("WATCHDOG_PID", "8")]), None);
        assert_eq!(watchdog(&[("WATCHDOG_USEC", "0")]), None);
        assert_eq!(watchdog(&[]), None);
    }

    #[test]
    fn a_path_has_one_variable() {
        assert_eq!(variable_of(&["listen"]), "OSS_VEND__LISTEN");
        assert_eq!(variable_of(&["grants", "eu-west", "max_size"]), "OSS_VEND__GRANTS__EU_WEST__MAX_SIZE");
    }

    #[test]
    fn the_environment_of_the_process_has_a_path() {
        assert!(Environment::of_process().value("PATH").is_some());
    }
}
