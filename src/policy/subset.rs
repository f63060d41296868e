//! Whether one audience is provably no wider than another.
//!
//! The comparison is conservative: where it cannot be proven that every caller of the one is a caller of the other, the
//! answer is no. The order of lists and of rules does not matter.

use super::audience::{Audience, Rule, Test};

impl Audience {
    /// Whether every caller that this audience admits is admitted by `other` too, as far as that can be proven.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        let listed = match (&self.callers, &other.callers) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(these), Some(others)) => is_subset(these, others),
        };
        listed && other.rules.iter().all(|rule| self.rules.iter().any(|stricter| stricter.implies(rule)))
    }
}

impl Rule {
    /// Whether each claim that meets this rule meets `other` too.
    fn implies(&self, other: &Self) -> bool {
        self.claim == other.claim
            && match (&self.test, &other.test) {
                (Test::Equals(value), Test::Equals(expected)) => value == expected,
                (Test::Equals(value), Test::AnyOf(values)) => values.contains(value),
                (Test::AnyOf(some), Test::AnyOf(values)) => is_subset(some, values),
                (Test::AllOf(all), Test::AnyOf(values)) => all.iter().any(|value| values.contains(value)),
                (Test::AllOf(all), Test::AllOf(values)) => is_subset(values, all),
                // A list meets `any_of` and never `equals`; a single value never meets `all_of`.
                (Test::AnyOf(_) | Test::AllOf(_), Test::Equals(_))
                | (Test::Equals(_) | Test::AnyOf(_), Test::AllOf(_)) => false,
            }
    }
}

fn is_subset<T: PartialEq>(these: &[T], others: &[T]) -> bool {
    these.iter().all(|this| others.contains(this))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ClaimValue;

    fn values(list: &[&str]) -> Vec<ClaimValue> {
        list.iter().map(|text| ClaimValue::Text((*text).to_owned())).collect()
    }

    fn audience(callers: Option<&[&str]>, tests: &[(&str, Test)]) -> Audience {
        let rules = tests.iter().map(|(claim, test)| Rule { claim: (*claim).to_owned(), test: test.clone() }).collect();
        Audience { callers: callers.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()), rules }
    }

    fn any(list: &[&str]) -> Test {
        Test::AnyOf(values(list))
    }

    fn all(list: &[&str]) -> Test {
        Test::AllOf(values(list))
    }

    fn equals(value: &str) -> Test {
        Test::Equals(ClaimValue::Text(value.to_owned()))
    }

    #[test]
    fn an_audience_is_a_subset_only_where_that_is_proven() {
        let everyone = || audience(None, &[]);
        let listed = |ids| audience(Some(ids), &[]);
        let rule = |test| audience(None, &[("r", test)]);
        for (one, other, expected) in [
            (everyone(), everyone(), true),
            (listed(&["a"]), everyone(), true),
            (everyone(), listed(&["a"]), false),
            (listed(&["a", "b"]), listed(&["b", "a"]), true),
            (listed(&["a"]), listed(&["b", "a"]), true),
            (listed(&["a", "c"]), listed(&["b", "a"]), false),
            (rule(any(&["x", "y"])), rule(any(&["y", "x"])), true),
            (rule(any(&["x"])), rule(any(&["y", "x"])), true),
            (rule(any(&["x", "z"])), rule(any(&["y", "x"])), false),
            (rule(equals("x")), rule(any(&["y", "x"])), true),
            (rule(any(&["x"])), rule(equals("x")), false),
            (rule(all(&["x", "y"])), rule(all(&["y"])), true),
            (rule(all(&["y"])), rule(all(&["x", "y"])), false),
            (rule(all(&["x", "y"])), rule(any(&["y"])), true),
            (rule(equals("x")), rule(all(&["x"])), false),
            (rule(equals("x")), everyone(), true),
            (everyone(), rule(equals("x")), false),
            (listed(&["a"]), rule(equals("x")), false),
            (audience(None, &[("s", equals("x"))]), rule(equals("x")), false),
            (audience(None, &[("s", equals("1")), ("r", equals("x"))]), rule(equals("x")), true),
            (
                audience(None, &[("s", all(&["1"])), ("r", any(&["x"]))]),
                audience(None, &[("r", any(&["x"])), ("s", all(&["1"]))]),
                true,
            ),
        ] {
            assert_eq!(one.is_subset_of(&other), expected, "{one:?} in {other:?}");
        }
    }
}
