use super::decode;

/// The parameters of a query string or of an urlencoded body, decoded, in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Splits at `&` and the first `=`, and decodes; `+` is a space, since requests-based SDKs send it so.
    /// `None` for a broken escape or bytes that are no UTF-8.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        let pieces = raw.split('&').filter(|piece| !piece.is_empty());
        let pairs = pieces.map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            Some((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
        });
        Some(Self { pairs: pairs.collect::<Option<_>>()? })
    }

    /// Pairs that came otherwise than urlencoded.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        Self { pairs }
    }

    /// All pairs in the order they came.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The first value of that name.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// Whether the name occurs, with a value or without.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// The value of that name, `Err` if it occurs more than once.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut found = self.pairs.iter().filter(|(candidate, _)| candidate == name);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(Repeated),
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
        }
    }

    /// These pairs followed by those of `other`.
    pub(crate) fn merged(mut self, other: Self) -> Self {
        self.pairs.extend(other.pairs);
        self
    }
}

/// A name that may occur once occurs more often.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Repeated;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_question_mark_and_a_second_equals_sign_belong_to_the_value() {
        let query = Query::parse("acl&versionId=a?b=c&x=+%2B&").unwrap();
        let pairs: Vec<_> = query.pairs().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("acl", ""), ("versionId", "a?b=c"), ("x", " +")]);
    }

    #[test]
    fn a_repeated_name_is_told_from_a_missing_one() {
        let query = Query::parse("a=1&a=2&b=3").unwrap();
        assert_eq!(query.only("a"), Err(Repeated));
        assert_eq!(query.only("b"), Ok(Some("3")));
        assert_eq!(query.only("c"), Ok(None));
    }

    proptest! {
        #[test]
        fn no_query_makes_the_parser_panic(raw in ".*") {
            let _ = Query::parse(&raw);
        }
    }
}
