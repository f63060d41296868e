//! OSS's XML: a writer for the answers, and the few documents that are read.
//!
//! Answers carry no namespace: OSS sends none, and SDKs fail on one.

use std::fmt::Display;

use quick_xml::escape::partial_escape;
use serde::de::DeserializeOwned;

use super::error::OssError;

/// Writes one document.
pub(crate) struct Xml(String);

impl Xml {
    /// The document `<root>…</root>`, filled by `fill`.
    pub(crate) fn document(root: &str, fill: impl FnOnce(&mut Self)) -> String {
        let mut xml = Self(String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
        xml.element(root, fill);
        xml.0
    }

    /// Adds `<name>…</name>`, filled by `fill`.
    pub(crate) fn element(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.0.extend(["<", name, ">"]);
        fill(self);
        self.0.extend(["</", name, ">"]);
    }

    /// Adds `<name>value</name>`.
    pub(crate) fn text(&mut self, name: &str, value: impl Display) {
        self.element(name, |xml| xml.bare(value));
    }

    /// Adds text.
    pub(crate) fn bare(&mut self, text: impl Display) {
        self.0.push_str(&escaped(&text.to_string()));
    }
}

/// Control characters cannot stand in XML 1.0 even when escaped; OSS escapes them, and so do we.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in partial_escape(value).chars() {
        match character {
            '\n' | '\t' => text.push(character),
            control if control < ' ' => text.extend(["&#", &u32::from(control).to_string(), ";"]),
            other => text.push(other),
        }
    }
    text
}

/// What the document of a refusal says.
pub(crate) struct Refusal<'a> {
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
    pub(crate) details: &'a [(&'static str, String)],
    pub(crate) ec: Option<&'a str>,
    pub(crate) request_id: &'a str,
    pub(crate) host: &'a str,
}

impl Refusal<'_> {
    /// The document.
    pub(crate) fn document(&self) -> String {
        Xml::document("Error", |xml| {
            xml.text("Code", self.code);
            xml.text("Message", self.message);
            xml.text("RequestId", self.request_id);
            xml.text("HostId", self.host);
            self.details.iter().for_each(|(name, value)| xml.text(name, value));
            if let Some(ec) = self.ec {
                xml.text("EC", ec);
                xml.text("RecommendDoc", format_args!("https://api.aliyun.com/troubleshoot?q={ec}"));
            }
        })
    }
}

/// Reads a document whose root element is `root`; anything else is `MalformedXML`.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8], root: &str) -> Result<T, OssError> {
    let text = std::str::from_utf8(body).map_err(|_| OssError::malformed_xml())?;
    if root_of(text) != Some(root) {
        return Err(OssError::malformed_xml());
    }
    quick_xml::de::from_str(text).map_err(|_| OssError::malformed_xml())
}

/// Name of the first element: the deserializer itself takes any.
fn root_of(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while let Some(skipped) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!--")) {
        rest = skipped.split_once('>')?.1.trim_start();
    }
    rest.strip_prefix('<')?.split(|end: char| end.is_whitespace() || end == '>' || end == '/').next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Delete {
        #[serde(default)]
        object: Vec<Named>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        key: String,
    }

    #[test]
    fn a_refusal_has_its_elements_in_order_and_no_namespace() {
        let refusal = Refusal {
            code: "NoSuchKey",
            message: "The specified key does not exist.",
            details: &[("Key", "a<b".to_owned()), ("More", "&".to_owned())],
            ec: Some("0026-00000001"),
            request_id: "0A",
            host: "host",
        };
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
            <Message>The specified key does not exist.</Message><RequestId>0A</RequestId><HostId>host</HostId>\
            <Key>a&lt;b</Key><More>&amp;</More><EC>0026-00000001</EC>\
            <RecommendDoc>https://api.aliyun.com/troubleshoot?q=0026-00000001</RecommendDoc></Error>";
        assert_eq!(refusal.document(), expected);
    }

    #[test]
    fn a_document_is_read_with_or_without_its_declaration() {
        let expected = Delete { object: vec![Named { key: "a&b".to_owned() }] };
        for head in ["", "<?xml version=\"1.0\"?>\n", "<?xml version=\"1.0\"?><!-- none -->"] {
            let text = format!("{head}<Delete><Object><Key>a&amp;b</Key></Object></Delete>");
            assert_eq!(read::<Delete>(text.as_bytes(), "Delete").expect("it is well-formed"), expected);
        }
    }

    #[test]
    fn what_is_no_such_document_is_malformed() {
        for text in ["", "x", "<Delete>", "<Other></Other>", "<Delete><Object></Object></Delete>", "<"] {
            let error = read::<Delete>(text.as_bytes(), "Delete").expect_err(text);
            assert_eq!(error.code, "MalformedXML", "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(body: Vec<u8>, text in "<?[<>!?/a-c &;]{0,40}") {
            let _ = read::<Delete>(&body, "Delete");
            let _ = read::<Delete>(text.as_bytes(), "a");
        }
    }
}
