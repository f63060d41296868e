//! What an expression of Prometheus names: enough of the language to find metrics and labels.

/// A metric with the labels that are asked for beside it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Named {
    pub(crate) metric: String,
    pub(crate) labels: Vec<String>,
}

/// What an expression names.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Names {
    pub(crate) metrics: Vec<Named>,
    /// The labels by which is grouped or joined.
    pub(crate) grouping: Vec<String>,
}

const GROUPING: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const OPERATORS: [&str; 6] = ["and", "or", "unless", "bool", "offset", "atan2"];

/// Reads `expression`.
pub(crate) fn read(expression: &str) -> Names {
    let (mut names, mut rest) = (Names::default(), expression);
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' => behind(&rest[1..], '"'),
            '[' => behind(rest, ']'),
            '{' => {
                let last = names.metrics.last_mut().expect("labels stand behind a metric");
                last.labels.extend(matched(rest));
                behind_braces(rest)
            }
            c if c.is_ascii_alphabetic() || c == '_' => names.word(word(rest), &rest[word(rest).len()..]),
            c if c.is_ascii_digit() => &rest[word(rest).len()..],
            c => &rest[c.len_utf8()..],
        };
    }
    names
}

/// The word that `text` begins with.
pub(crate) fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c));
    &text[..end.unwrap_or(text.len())]
}

impl Names {
    fn word<'e>(&mut self, word: &str, rest: &'e str) -> &'e str {
        let call = rest.trim_start().strip_prefix('(');
        match call {
            Some(list) if GROUPING.contains(&word) => {
                let (labels, rest) = list.split_once(')').expect("a list ends");
                self.grouping.extend(labels.split(',').map(|label| label.trim().to_owned()));
                rest
            }
            Some(_) => rest,
            // An aggregation, such as `sum by (le) (…)`.
            None if ["by", "without"].contains(&self::word(rest.trim_start())) => rest,
            None if OPERATORS.contains(&word) || GROUPING.contains(&word) => rest,
            None => {
                self.metrics.push(Named { metric: word.to_owned(), labels: Vec::new() });
                rest
            }
        }
    }
}

/// The labels between the braces that `text` begins with.
fn matched(text: &str) -> Vec<String> {
    let (mut labels, mut rest) = (Vec::new(), &text[1..]);
    while !rest.starts_with('}') {
        let label = word(rest);
        labels.push(label.to_owned());
        let value = behind(&rest[label.len()..], '"');
        rest = behind_text(value).trim_start_matches([',', ' ']);
    }
    labels
}

fn behind_braces(text: &str) -> &str {
    let mut rest = &text[1..];
    while !rest.starts_with('}') {
        rest = behind_text(behind(rest, '"')).trim_start_matches([',', ' ']);
    }
    &rest[1..]
}

/// What follows the end of a text that began before.
fn behind_text(text: &str) -> &str {
    let mut escaped = false;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    &text[end.expect("a text ends") + 1..]
}

fn behind(text: &str, end: char) -> &str {
    text.split_once(end).unwrap_or_else(|| panic!("no {end} in {text}")).1
}

#[test]
fn metrics_and_labels_are_found() {
    let names =
        read(r#"sum by (a, le) (rate(x_total{b=~"y{}\"|,c=",d!="1"}[5m])) / 0.5e3 > 2 and z unless on (e) v{}"#);
    let of = |metric: &str, labels: &[&str]| Named {
        metric: metric.into(),
        labels: labels.iter().map(|l| (*l).into()).collect(),
    };
    assert_eq!(names.metrics, [of("x_total", &["b", "d"]), of("z", &[]), of("v", &[])]);
    assert_eq!(names.grouping, ["a", "le", "e"]);
}
