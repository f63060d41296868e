//! Checks that no two sources of callers can give one id.

use super::check::Check;
use super::format;
use super::problem::{Problem, step};
use super::settings::AuthSettings;

/// A source of callers, as far as their ids go.
struct Source<'s> {
    /// The key of its prefix.
    path: Vec<String>,
    prefix: &'s str,
    /// A prefix that it could have.
    example: String,
}

impl AuthSettings {
    /// The prefixes of all sources of callers but the one at `path`.
    pub(super) fn other_prefixes(&self, path: &[&str]) -> Vec<String> {
        let others = self.sources().into_iter().filter(|source| source.path != path && !source.prefix.is_empty());
        others.map(|source| source.prefix.to_owned()).collect()
    }

    fn sources(&self) -> Vec<Source<'_>> {
        let source = |path: &[&str], prefix, example: &str| Source {
            path: path.iter().map(|step| (*step).to_owned()).collect(),
            prefix,
            example: example.to_owned(),
        };
        let keys = (!self.api_keys.is_empty())
            .then(|| source(&["auth", "api_key_id_prefix"], &self.api_key_id_prefix, "key."));
        let issuers = self.jwt.iter().enumerate().map(|(index, jwt)| {
            let example = if index == 0 { "jwt.".to_owned() } else { format!("jwt{}.", index + 1) };
            source(&["auth", "jwt", &step(index), "id_prefix"], &jwt.id_prefix, &example)
        });
        let forward =
            self.forward.iter().map(|forward| source(&["auth", "forward", "id_prefix"], &forward.id_prefix, "app."));
        let proxy = self.proxy.iter().map(|proxy| source(&["auth", "proxy", "id_prefix"], &proxy.id_prefix, "proxy."));
        keys.into_iter().chain(issuers).chain(forward).chain(proxy).collect()
    }
}

impl Check<'_> {
    /// No prefix begins with another; one source may have none, and then no API key may look like one of another source.
    pub(super) fn identities(&mut self, auth: &AuthSettings) {
        let sources = auth.sources();
        for source in &sources {
            let path: Vec<_> = source.path.iter().map(String::as_str).collect();
            self.text(&path, source.prefix, format::is_id_prefix, "up to 32 characters of [A-Za-z0-9_.@=-]");
        }
        for (index, source) in sources.iter().enumerate() {
            if let Some(problem) = sources[..index].iter().find_map(|earlier| collision(source, earlier)) {
                let path: Vec<_> = source.path.iter().map(String::as_str).collect();
                self.blame(&path, &Problem::Other(problem));
            }
        }
        self.api_key_ids(auth);
    }

    fn api_key_ids(&mut self, auth: &AuthSettings) {
        let others = auth.other_prefixes(&["auth", "api_key_id_prefix"]);
        for (index, key) in auth.api_keys.iter().enumerate() {
            let path = ["auth", "api_keys", &step(index), "id"];
            let id = format!("{}{}", auth.api_key_id_prefix, key.id);
            if !key.id.is_empty() {
                self.text(&path, &id, format::is_caller_id, "1 to 128 characters of [A-Za-z0-9_.@=-]");
            }
            if let Some(prefix) = others.iter().find(|prefix| id.starts_with(prefix.as_str())) {
                let text =
                    format!("begins with {prefix:?}, the id_prefix of another source of callers: give it another id");
                self.blame(&path, &Problem::Other(text));
            }
        }
    }
}

/// Why a caller of `source` could have the id of a caller of `earlier`.
fn collision(source: &Source<'_>, earlier: &Source<'_>) -> Option<String> {
    let key = earlier.path.join(".");
    let key = key.replace(".[", "[");
    match (source.prefix, earlier.prefix) {
        ("", "") => Some(format!(
            "is empty, and so is {key}: callers of the two would share ids, and could be taken for each other. Write \
             id_prefix = {:?} here, or {} = {:?}",
            source.example, key, earlier.example
        )),
        ("", _) | (_, "") => None,
        (one, other) if one.starts_with(other) || other.starts_with(one) => Some(format!(
            "is {one:?}, and {key} is {other:?}: neither may begin with the other, or callers of the two could be taken for \
             each other"
        )),
        _ => None,
    }
}
