//! The long-lived key: id, secret and token from one family of names, never mixed.

use super::environment::Environment;
use super::fault::Faults;
use super::problem::Problem;
use super::settings::AccessKeySettings;
use super::tree::{self, Node, Origin, Table, Value};
use crate::keys::{AccessKey, Secret};

/// The keys of `[access_key]`, in the order of the names in `FAMILIES`.
const KEYS: [&str; 3] = ["id", "secret", "token"];

/// The variables that belong together, those that win first. The file stands between the first family and the rest.
const FAMILIES: [&[&str]; 4] = [
    &["OSS_VEND__ACCESS_KEY__ID", "OSS_VEND__ACCESS_KEY__SECRET", "OSS_VEND__ACCESS_KEY__TOKEN"],
    &["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"],
    &["OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN"],
    &["ACCESS_KEY_ID", "ACCESS_KEY_SECRET"],
];

/// What decides where the key comes from.
const CHOICES: [&str; 4] = ["source", "file", "uri", "command"];

/// Lays the first family of which anything is set into `table`, unless it says already where the key comes from.
pub(super) fn lay(environment: &Environment, table: &mut Table) {
    let is_table = |node: &Node| matches!(node.value, Value::Table(_));
    let chosen = KEYS.iter().chain(&CHOICES).any(|key| tree::find(table, &["access_key", key]).is_some());
    if chosen || !table.get("access_key").is_none_or(is_table) {
        return;
    }
    let Some(family) = FAMILIES.iter().find(|family| environment.first(family).is_some()) else { return };
    for (key, name) in KEYS.iter().zip(*family) {
        if let Some(value) = environment.value(name) {
            // Nothing is in the way: what holds it is a table, or absent.
            let _ = tree::put(table, &["access_key", key], Node::of_variable(name, value));
        }
    }
}

/// Takes the file's own key out of `table` where variables set one, or the second one: never the secret of the file to an
/// id of the environment.
pub(super) fn give_way(environment: &Environment, table: &mut Table) {
    let Some(Value::Table(section)) = table.get_mut("access_key").map(|node| &mut node.value) else { return };
    let set = |prefix: &str| environment.overlay().any(|(_, key, _)| key.starts_with(prefix));
    if KEYS.iter().any(|key| set(&format!("ACCESS_KEY__{}", key.to_uppercase()))) {
        section.retain(|key, _| !KEYS.contains(&key.as_str()));
    }
    if set("ACCESS_KEY__SECOND__") {
        section.remove("second");
    }
}

/// The key, if one is configured, and a note on where it comes from.
pub(super) fn take(
    settings: &mut AccessKeySettings,
    table: &Table,
    faults: &mut Faults,
) -> Option<(AccessKey, String)> {
    let origin = KEYS.iter().find_map(|key| tree::find(table, &["access_key", key])).map(|node| &node.origin)?;
    let (id, secret, token) = (settings.id.take(), settings.secret.take(), settings.token.take());
    for (key, present) in [("id", id.is_some()), ("secret", secret.is_some())] {
        if !present {
            missing(key, origin, table, faults);
        }
    }
    if token.is_none() && id.as_ref().is_some_and(|id| id.starts_with("STS.")) {
        missing("token", origin, table, faults);
    }
    let texts = [id.as_deref(), secret.as_ref().map(Secret::expose), token.as_ref().map(Secret::expose)];
    for (key, text) in KEYS.iter().zip(texts) {
        if !text.is_none_or(is_clean) {
            faults.add(&path(key), &Problem::expected("printable ASCII without white space"), table);
        }
    }
    Some((AccessKey { id: id?, secret: secret?, token }, format!("the AccessKey comes from {}", place(origin))))
}

fn path(key: &str) -> [String; 2] {
    ["access_key".to_owned(), key.to_owned()]
}

/// A line feed at the end is what remains of a file that was read into a variable, and breaks a signature without a word.
pub(super) fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn missing(key: &str, origin: &Origin, table: &Table, faults: &mut Faults) {
    let Origin::Variable(name) = origin else {
        let advice = "id, secret and token all come from one place".to_owned();
        return faults.add(&path(key), &Problem::Missing(advice), table);
    };
    let position = KEYS.iter().position(|known| *known == key);
    faults.tell(match family_of(name).zip(position).and_then(|(family, position)| family.get(position)) {
        Some(partner) => format!("{name} is set, but {partner} is not"),
        None => {
            format!("{name} holds a temporary key, and no name beside it takes a token; use those of ALIBABA_CLOUD_…")
        }
    });
}

fn family_of(name: &str) -> Option<&'static [&'static str]> {
    FAMILIES.into_iter().find(|family| family.contains(&name))
}

fn place(origin: &Origin) -> String {
    match origin {
        Origin::File { .. } => "the configuration file; the environment is a better place for it".to_owned(),
        Origin::Variable(name) => {
            family_of(name).map_or_else(|| name.clone(), |family| format!("{} and {}", family[0], family[1]))
        }
    }
}
