//! Checks for whom a grant is.

use super::check::Check;
use super::format;
use super::problem::{Problem, step};
use super::settings::{GrantSettings, RuleSettings};

impl Check<'_> {
    pub(super) fn audience(&mut self, name: &str, grant: &GrantSettings) {
        if let Some(callers) = &grant.callers {
            self.callers(name, callers);
        }
        for (index, rule) in grant.require.iter().enumerate() {
            self.rule(&["grants", name, "require", &step(index)], rule);
        }
    }

    /// A list whose last name was taken out must not open the grant to all.
    fn callers(&mut self, name: &str, callers: &[String]) {
        let path = ["grants", name, "callers"];
        if callers.is_empty() {
            self.blame(&path, &Problem::Other("names nobody: leave it out if the grant is for every caller".into()));
        }
        for (index, id) in callers.iter().enumerate() {
            let path = [path[0], path[1], path[2], &step(index)];
            self.text(&path, id, format::is_listed_id, "an id: 1 to 256 bytes without control characters");
        }
    }

    fn rule(&mut self, path: &[&str; 4], rule: &RuleSettings) {
        let below = |key| [path[0], path[1], path[2], path[3], key];
        if rule.claim.is_empty() {
            self.missing(&below("claim"), "name the claim that the rule is about");
        }
        let tests = [rule.equals.is_some(), rule.any_of.is_some(), rule.all_of.is_some()];
        match tests.iter().filter(|there| **there).count() {
            1 => {}
            0 => self.missing(&below("equals"), "a rule has \"equals\", \"any_of\" or \"all_of\""),
            _ => self.blame(path, &Problem::Other("has more than one of \"equals\", \"any_of\" and \"all_of\"".into())),
        }
        for (key, values) in [("any_of", &rule.any_of), ("all_of", &rule.all_of)] {
            if values.as_ref().is_some_and(Vec::is_empty) {
                self.blame(&below(key), &Problem::Other("lists nothing".into()));
            }
        }
    }
}
