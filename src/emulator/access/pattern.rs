/// Whether `text` matches: `*` stands for any run of characters, `/` included, `?` for exactly one. There is no escape.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    let mut star = None; // where the last `*` stands, and up to where it reaches
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[seen] => (at, seen) = (at + 1, seen + 1),
            _ => {
                let Some((stands, reach)) = star else { return false };
                star = Some((stands, reach + 1));
                (at, seen) = (stands + 1, reach + 1);
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_written() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*", "a", true),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("b/u/1/*", "b/u/1/x/y", true),
            ("b/u/1/*", "b/u/10/x", false),
            ("b/u/1*", "b/u/10/x", true),
            ("?et", "get", true),
            ("?et", "et", false),
            ("a?c", "aéc", true),
            ("*a*b*", "xxaxxbxx", true),
            ("b", "b/", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }

    /// The definition, word by word.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => by_definition(rest, text),
            (Some(('*', rest)), Some((_, later))) => by_definition(rest, text) || by_definition(pattern, later),
            (Some((wanted, rest)), Some((seen, later))) => {
                (*wanted == '?' || wanted == seen) && by_definition(rest, later)
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            let (left, right): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), by_definition(&left, &right));
        }
    }
}
