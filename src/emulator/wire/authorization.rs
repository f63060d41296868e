/// An `Authorization` header of the newer schemes: `<scheme> Name=value,Name=value`, in any order.
#[derive(Debug)]
pub(crate) struct Authorization<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Authorization<'a> {
    /// Reads what follows the scheme. Blanks around commas are dropped: oss2 writes them, and so does the documentation.
    /// `None` when a piece has no `=` or a name occurs twice.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut fields: Vec<(&str, &str)> = Vec::new();
        for piece in text.split(',') {
            let (name, value) = piece.trim().split_once('=')?;
            if fields.iter().any(|(known, _)| *known == name) {
                return None;
            }
            fields.push((name, value));
        }
        Some(Self { fields })
    }

    pub(crate) fn field(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn order_and_blanks_do_not_matter_but_repeats_do() {
        let read = Authorization::parse(" Signature=ab==, Credential=id/x ,AdditionalHeaders=a;b").unwrap();
        assert_eq!(read.field("Credential"), Some("id/x"));
        assert_eq!(read.field("Signature"), Some("ab=="));
        assert_eq!(read.field("credential"), None);
        assert!(Authorization::parse("Signature=a,Signature=b").is_none());
        assert!(Authorization::parse("Signature").is_none());
    }

    proptest! {
        #[test]
        fn no_header_makes_the_parser_panic(text in ".*") {
            let _ = Authorization::parse(&text);
        }
    }
}
