//! Where an operator's own policy reaches, as far as its text says without a request. Where in doubt, it reaches further.

use super::policy_file::PolicyTemplate;
use super::template::{Slot, Template};

/// Stands around the name of a slot; no text of a policy has such a character.
const MARK: char = '\u{1}';

/// A place in a bucket that the resources of a policy are compared with.
pub(super) struct Area<'a> {
    pub(super) bucket: &'a str,
    /// What its keys begin with.
    pub(super) prefix: &'a str,
}

/// The grant whose policy it is.
pub(super) struct Owner<'a> {
    pub(super) bucket: &'a str,
    pub(super) dir: &'a Template,
}

/// Whether `pattern` may name `action`: in patterns, `*` is any text and `?` any character.
pub(super) fn may_name(pattern: &Template, action: &str) -> bool {
    matches(pattern.replaced(|_| "*".to_owned()).as_bytes(), action.as_bytes())
}

impl PolicyTemplate {
    /// Whether `action` may be allowed on an object of `area`.
    pub(super) fn may_reach(&self, action: &str, owner: &Owner<'_>, area: &Area<'_>) -> bool {
        self.resources_of(action).into_iter().any(|resource| overlaps(&relative(resource, owner), area))
    }

    /// Whether `action` is allowed on no object of the owner's bucket but those in its directory.
    pub(super) fn is_held_to_dir(&self, action: &str, owner: &Owner<'_>) -> bool {
        let dir = format!("{}/{}", owner.bucket, owner.dir.replaced(token));
        let bucket = Area { bucket: owner.bucket, prefix: "" };
        self.resources_of(action).into_iter().all(|resource| {
            let relative = relative(resource, owner);
            relative.starts_with(&dir) || !overlaps(&relative, &bucket)
        })
    }
}

/// The part of a resource behind region and account, with the directory in place of its slot. A text that is no whole
/// resource may be any.
fn relative(resource: &Template, owner: &Owner<'_>) -> String {
    let text = resource.replaced(|slot| match slot {
        Slot::Bucket => owner.bucket.to_owned(),
        Slot::Dir => owner.dir.replaced(token),
        other => token(other),
    });
    text.splitn(5, ':').nth(4).unwrap_or("*").to_owned()
}

fn token(slot: &Slot) -> String {
    format!("{MARK}{slot:?}{MARK}")
}

/// Whether an object of `area` may be among the objects that `relative` names.
fn overlaps(relative: &str, area: &Area<'_>) -> bool {
    let area = format!("{}/{}", area.bucket, area.prefix);
    match relative.split_once(['*', '?', MARK]) {
        Some((start, _)) => start.starts_with(&area) || area.starts_with(start),
        None => relative.starts_with(&area),
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => matches(rest, text),
        (Some((b'*', rest)), Some((_, later))) => matches(rest, text) || matches(pattern, later),
        (Some((one, rest)), Some((other, later))) => {
            (*one == b'?' || one.eq_ignore_ascii_case(other)) && matches(rest, later)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::template::Place;
    use super::*;

    const GET: &str = "oss:GetObject";

    fn policy(action: &str, resources: &[&str]) -> PolicyTemplate {
        let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resources });
        PolicyTemplate::parse(&json!({ "Version": "1", "Statement": [statement] }).to_string()).unwrap()
    }

    fn dir() -> Template {
        Template::parse("u/${caller.id}/", Place::Directory).unwrap()
    }

    #[test]
    fn an_action_is_allowed_by_its_name_in_any_case_and_by_patterns() {
        let everything = Area { bucket: "b", prefix: "" };
        for (action, expected) in [
            ("*", true),
            ("oss:*", true),
            ("oss:putobject", true),
            ("oss:Put*", true),
            ("oss:P?tObject", true),
            ("oss:${caller.claims.right}", true),
            ("oss:GetObject", false),
            ("oss:PutObjectAcl", false),
            ("oss:Put", false),
        ] {
            let owner = Owner { bucket: "b", dir: &dir() };
            let policy = policy(action, &["*"]);
            assert_eq!(policy.may_reach("oss:PutObject", &owner, &everything), expected, "{action}");
        }
    }

    #[test]
    fn what_does_not_begin_with_the_directory_is_not_held_to_it() {
        for (resource, expected) in [
            ("acs:oss:*:*:b/${dir}*", true),
            ("acs:oss:*:*:${bucket}/${dir}*", true),
            ("acs:oss:*:*:b/u/${caller.id}/*", true),
            ("acs:oss:*:1:b/${dir}public/*", true),
            ("acs:oss:*:*:b", true),
            ("acs:oss:*:*:other/*", true),
            ("acs:oss:*:*:b/u/*", false),
            ("acs:oss:*:*:b/u/${caller.claims.id}/*", false),
            ("acs:oss:*:*:b/u/${caller.id}*", false),
            ("acs:oss:*:*:b*", false),
            ("acs:oss:*:*:?/x", false),
            ("acs:oss:*:*:b/x", false),
            ("acs:oss:*:*:${caller.id}/x", false),
            ("acs:oss:*:*:*", false),
            ("acs:oss:*", false),
            ("*", false),
        ] {
            let owner = Owner { bucket: "b", dir: &dir() };
            assert_eq!(policy(GET, &[resource]).is_held_to_dir(GET, &owner), expected, "{resource}");
            assert!(policy("oss:PutObject", &[resource]).is_held_to_dir(GET, &owner));
        }
    }

    #[test]
    fn an_area_is_reached_from_above_and_from_below() {
        let area = Area { bucket: "b", prefix: "u/" };
        for (resource, expected) in [
            ("acs:oss:*:*:b/*", true),
            ("acs:oss:*:*:b/u/x/y/*", true),
            ("acs:oss:*:*:b/u/x", true),
            ("acs:oss:*:*:b/${dir}*", true),
            ("*", true),
            ("acs:oss:*:*:b/v/*", false),
            ("acs:oss:*:*:b/u", false),
            ("acs:oss:*:*:other/*", false),
        ] {
            let owner = Owner { bucket: "b", dir: &dir() };
            assert_eq!(policy(GET, &[resource]).may_reach(GET, &owner, &area), expected, "{resource}");
        }
    }
}
