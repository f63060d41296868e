//! Lays the environment over the tree of the file.

use super::access_key;
use super::environment::Environment;
use super::fault::Faults;
use super::tree::{self, Node, Origin, Table, Value};

/// What the well-known variables of SDKs and samples set where neither file nor `OSS_VEND__…` does; the first of them wins.
const ALIASES: [(&[&str], &[&str]); 2] =
    [(&["sts", "region"], &["ALIBABA_CLOUD_STS_REGION"]), (&["sts", "vpc"], &["ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"])];

/// The role to assume, likewise.
const ROLE: [&str; 3] = ["ALIBABA_CLOUD_ROLE_ARN", "OSS_STS_ROLE_ARN", "RAM_ROLE_ARN"];

/// The same in a pod with RRSA, where the first of them is the pod's own role, which is there to assume another.
const ROLE_BESIDE_PODS: [&str; 3] = ["OSS_STS_ROLE_ARN", "RAM_ROLE_ARN", "ALIBABA_CLOUD_ROLE_ARN"];

/// The session name of every grant that sets none.
const SESSION_NAME: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";

/// The bucket of the grant `default`, when the file configures no grant.
const BUCKET: [&str; 2] = ["OSS_BUCKET", "BUCKET"];

/// What else such a grant takes from the environment.
const BESIDE_BUCKET: [(&str, &[&str]); 2] = [("region", &["OSS_REGION", "REGION"]), ("endpoint", &["OSS_ENDPOINT"])];

/// What a grant may vend that is configured by variables alone: an answer of each of the three routes.
const METHODS: &str = "sts,post,put";

/// One API key: the digest, and the id that it has without `API_KEY_ID`.
const API_KEY: [&str; 2] = ["API_KEY_ID", "API_KEY_HASH"];
const API_KEY_DEFAULT_ID: &str = "app";

/// Lays the variables over the file's `table`: `OSS_VEND__…` above what is there, the well-known ones beneath it.
pub(super) fn lay(environment: &Environment, table: &mut Table, faults: &mut Faults) {
    let file_has_grants = !grant_names(table).is_empty();
    access_key::give_way(environment, table);
    for (name, key, value) in environment.overlay() {
        set(name, key, value, table).unwrap_or_else(|fault| faults.tell(fault));
    }
    access_key::lay(environment, table);
    let in_a_pod = environment.value("ALIBABA_CLOUD_OIDC_PROVIDER_ARN").is_some();
    let role = environment.first(if in_a_pod { &ROLE_BESIDE_PODS } else { &ROLE });
    lay_beneath(&["sts", "role_arn"], role, table);
    for (path, names) in ALIASES {
        lay_beneath(path, environment.first(names), table);
    }
    // Clusters give it to every program; one that can do nothing with it is not to refuse to start.
    if cfg!(feature = "otel") {
        lay_beneath(&["otel", "endpoint"], environment.first(&["OTEL_EXPORTER_OTLP_ENDPOINT"]), table);
    }
    if !file_has_grants {
        if grant_names(table).iter().all(|grant| grant == "default") {
            lay_default_grant(environment, table);
        }
        for grant in grant_names(table) {
            lay_methods(&grant, table);
        }
    }
    lay_api_key(environment, table);
    for grant in grant_names(table) {
        lay_beneath(&["grants", &grant, "session_name"], environment.first(&[SESSION_NAME]), table);
    }
}

fn set(name: &str, key: &str, value: &str, table: &mut Table) -> Result<(), String> {
    if key != key.to_ascii_uppercase() {
        return Err(format!("{name}: no such setting; did you mean {}?", name.to_ascii_uppercase()));
    }
    if value.contains(char::REPLACEMENT_CHARACTER) {
        return Err(format!("{name} must be UTF-8"));
    }
    let mut path: Vec<_> = key.to_ascii_lowercase().split("__").map(str::to_owned).collect();
    if let [section, grant, ..] = path.as_mut_slice()
        && section == "grants"
    {
        *grant = meant_grant(name, grant, table)?;
    }
    tree::put(table, &path, Node::of_variable(name, value)).map_err(|_| format!("{name}: no such setting"))
}

/// The grant that `segment` of a variable's name stands for: one that exists, or else a new one.
fn meant_grant(name: &str, segment: &str, table: &Table) -> Result<String, String> {
    let mut candidates = grant_names(table);
    candidates.retain(|grant| grant.to_ascii_lowercase().replace('-', "_") == segment);
    match candidates.as_slice() {
        [] => Ok(segment.to_owned()),
        [one] => Ok(one.clone()),
        several => Err(format!("{name} stands for more than one grant: {}", several.join(", "))),
    }
}

fn grant_names(table: &Table) -> Vec<String> {
    match table.get("grants").map(|grants| &grants.value) {
        Some(Value::Table(grants)) => grants.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// Puts the variable at `path` if nothing is there. A value in the way is told when the tree is read.
fn lay_beneath(path: &[&str], variable: Option<(&str, &str)>, table: &mut Table) {
    if let (None, Some((name, value))) = (tree::find(table, path), variable) {
        let _ = tree::put(table, path, Node::of_variable(name, value));
    }
}

fn lay_default_grant(environment: &Environment, table: &mut Table) {
    if tree::find(table, &["grants", "default", "bucket"]).is_none() {
        let Some((name, bucket)) = environment.first(&BUCKET) else { return };
        lay_beneath(&["grants", "default", "bucket"], Some((name, bucket)), table);
    }
    for (key, names) in BESIDE_BUCKET {
        lay_beneath(&["grants", "default", key], environment.first(names), table);
    }
}

/// The default of a grant that stands in no file, for which `post` and `put` would leave out the first route of all.
fn lay_methods(grant: &str, table: &mut Table) {
    let bucket = tree::find(table, &["grants", grant, "bucket"]).map(|node| &node.origin);
    if let Some(Origin::Variable(name)) = bucket.cloned() {
        lay_beneath(&["grants", grant, "methods"], Some((&name, METHODS)), table);
    }
}

/// The one API key that variables can configure, where nothing else configures any.
fn lay_api_key(environment: &Environment, table: &mut Table) {
    let [id, hash] = API_KEY;
    let (None, Some(digest)) = (tree::find(table, &["auth", "api_keys"]), environment.value(hash)) else { return };
    let id = environment.first(&[id]).unwrap_or((hash, API_KEY_DEFAULT_ID));
    let key = [("id", Node::of_variable(id.0, id.1)), ("hash", Node::of_variable(hash, digest))];
    let key = Value::Table(key.map(|(name, node)| (name.to_owned(), node)).into_iter().collect());
    let origin = Origin::Variable(hash.to_owned());
    let list = Value::List(vec![Node { origin: origin.clone(), value: key }]);
    let _ = tree::put(table, &["auth", "api_keys"], Node { origin, value: list });
}
