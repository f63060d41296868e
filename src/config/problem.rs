//! The sentences of the faults.

use super::environment::variable_of;

/// The keys from the root to a value; in a list, a step is made by `step`.
pub(super) type Path = Vec<String>;

/// One thing that is wrong with a value.
#[derive(Debug)]
pub(super) enum Problem {
    /// There is no such key; these are.
    UnknownKey { known: &'static [&'static str] },
    /// The value is not what it has to be.
    Misfit { expected: String, found: Option<String> },
    /// The key has to be there; what to do about it.
    Missing(String),
    /// Anything else, as a predicate that holds no value of a secret, such as "needs sts.region".
    Other(String),
}

/// How alike two names have to be, by Jaro-Winkler, for one to be meant by the other. Trial: `role` still finds
/// `role_arn`, and `xyz` finds nothing.
const ALIKE: f64 = 0.8;

impl Problem {
    /// A misfit that does not show what was found.
    pub(super) fn expected(what: impl Into<String>) -> Self {
        Self::Misfit { expected: what.into(), found: None }
    }

    /// A misfit that shows what was found.
    pub(super) fn misfit(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Misfit { expected: expected.into(), found: Some(found.into()) }
    }

    /// The path that was probably meant, if the last step of `path` is unknown.
    pub(super) fn meant(&self, path: &[String]) -> Option<Path> {
        let (Self::UnknownKey { known }, Some((last, section))) = (self, path.split_last()) else { return None };
        let mut meant = section.to_vec();
        meant.push(nearest(last, known)?.to_owned());
        Some(meant)
    }

    /// The sentence about the value at `path` in a file.
    pub(super) fn in_file(&self, path: &[String]) -> String {
        match self {
            Self::UnknownKey { known } => unknown_key(path, known),
            Self::Missing(advice) => {
                let (key, section) = path.split_last().expect("what is missing has a name");
                format!("{} has no {key:?}; {advice}", dotted(section))
            }
            _ => format!("{} {}", dotted(path), self.predicate(path)),
        }
    }

    /// The sentence about the value at `path` that the variable `name` sets.
    pub(super) fn in_variable(&self, path: &[String], name: &str) -> String {
        match self {
            Self::UnknownKey { .. } => match self.meant(path) {
                Some(meant) => format!("{name}: no such setting; did you mean {}?", renamed(name, path, &meant)),
                None => format!("{name}: no such setting"),
            },
            Self::Missing(_) => format!("{name} is set, but {}", self.in_file(path)),
            _ => format!("{name} {}", self.predicate(path)),
        }
    }

    fn predicate(&self, path: &[String]) -> String {
        match self {
            Self::Misfit { expected, found: Some(found) } if !is_secret(path) => {
                format!("must be {expected}, not {found}")
            }
            Self::Misfit { expected, .. } => format!("must be {expected}"),
            Self::Other(text) | Self::Missing(text) => text.clone(),
            Self::UnknownKey { .. } => "is unknown".to_owned(),
        }
    }
}

/// The step to an element of a list.
pub(super) fn step(index: usize) -> String {
    format!("[{index}]")
}

/// The element that `step` leads to, if it is a step into a list.
pub(super) fn index(step: &str) -> Option<usize> {
    step.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Whether the value at `path` must not be shown. A hash is one of them: in its place people put the key itself.
pub(super) fn is_secret(path: &[String]) -> bool {
    path.first().is_some_and(|first| first == "access_key")
        || path.iter().any(|step| matches!(step.as_str(), "api_keys" | "secret" | "sealing_keys" | "password"))
}

/// The one of `known` that is most like `name`, if any is.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let scored = known.iter().map(|known| (strsim::jaro_winkler(name, known), *known));
    let (score, best) = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (score >= ALIKE).then_some(best)
}

fn unknown_key(path: &[String], known: &[&str]) -> String {
    let (key, section) = path.split_last().expect("an unknown key has a name");
    let place = match section.last() {
        None => String::new(),
        Some(last) if index(last).is_some() => format!(" in {}", dotted(section)),
        Some(_) => format!(" in [{}]", dotted(section)),
    };
    match nearest(key, known) {
        Some(near) => format!("unknown key {key:?}{place}; did you mean {near:?}?"),
        None => format!("unknown key {key:?}{place}; it takes {}", known.join(", ")),
    }
}

/// `grants.default.methods[1]`
fn dotted(path: &[String]) -> String {
    let mut text = path.join(".");
    if path.iter().any(|step| index(step).is_some()) {
        text = text.replace(".[", "[");
    }
    text
}

/// The variable `name`, with the part that stands for `path` replaced by the one that stands for `meant`.
fn renamed(name: &str, path: &[String], meant: &[String]) -> String {
    let rest = name.strip_prefix(&variable_of(path)).unwrap_or_default();
    format!("{}{rest}", variable_of(meant))
}
