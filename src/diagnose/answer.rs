//! An error answer as it was pasted: XML or JSON, with whatever stood around it.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use quick_xml::escape::unescape;
use serde_json::Value;

/// Who answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// The object service.
    Oss,
    /// The token service.
    Sts,
    /// `oss-vend` itself: a problem of ours, which has its own hint.
    OssVend,
}

/// What an error answer says. `Debug` shows the code alone: the rest may hold a token.
#[derive(Clone)]
pub struct Answer {
    /// Who answered.
    pub service: Service,
    /// The error code, such as `SignatureDoesNotMatch`.
    pub code: String,
    /// Every other element by its name, decoded; not yet fit to be shown.
    fields: BTreeMap<String, String>,
}

/// Longer names are no elements of an error.
const MAX_NAME: usize = 64;

impl Answer {
    /// The first error of OSS or STS in `text`, if there is one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        xml(text).or_else(|| in_header(text)).or_else(|| json(text))
    }

    /// The text of an element, decoded. It may hold a token: see [`Self::shown`].
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The finer code of OSS, such as `0002-00000201`.
    #[must_use]
    pub fn ec(&self) -> Option<&str> {
        self.field("EC").filter(|ec| is_plain(ec))
    }

    /// The id by which the cloud's support finds the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.field("RequestId").filter(|id| is_plain(id))
    }

    /// What it said in words; never more than that sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        self.field("Message").unwrap_or_default()
    }

    fn new(service: Option<Service>, mut fields: BTreeMap<String, String>) -> Option<Self> {
        let code = fields.remove("Code").filter(|code| is_plain(code))?;
        let of_sts = |name: &str, sign: &str| fields.get(name).is_some_and(|text| text.contains(sign));
        let guessed =
            if of_sts("HostId", "sts") || of_sts("Recommend", "product=Sts") { Service::Sts } else { Service::Oss };
        Some(Self { service: service.unwrap_or(guessed), code, fields })
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("code", &self.code).finish_non_exhaustive()
    }
}

/// The elements of `<Error>`; the end may be cut off.
fn xml(text: &str) -> Option<Answer> {
    let start = text.find("<Error>").map(|at| at + "<Error>".len())?;
    let body = text[start..].split("</Error>").next()?;
    Answer::new(None, elements(body))
}

/// Flat elements: an error of OSS or STS has no others. A wrong one is skipped, for what was pasted may be damaged.
fn elements(mut body: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    while let Some((_, rest)) = body.split_once('<') {
        let Some((name, inner)) = rest.split_once('>') else { break };
        let closed = (1..=MAX_NAME).contains(&name.len()).then(|| inner.split_once(&format!("</{name}>"))).flatten();
        body = match closed {
            Some((value, after)) => {
                let value = unescape(value).map_or_else(|_| value.to_owned(), std::borrow::Cow::into_owned);
                found.entry(name.to_owned()).or_insert(value);
                after
            }
            None => rest,
        };
    }
    found
}

/// A HEAD has no body: OSS puts the document into a header, in Base64.
fn in_header(text: &str) -> Option<Answer> {
    let line = text.lines().find_map(|line| {
        let (name, value) = line.trim_start_matches(['<', ' ']).split_once(':')?;
        name.eq_ignore_ascii_case("x-oss-err").then(|| value.trim())
    })?;
    xml(&String::from_utf8(BASE64_STANDARD.decode(line).ok()?).ok()?)
}

/// The first JSON object that has a code.
fn json(text: &str) -> Option<Answer> {
    text.match_indices('{').find_map(|(at, _)| {
        let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        let Some(Ok(Value::Object(map))) = values.next() else { return None };
        if map.contains_key("title") && map.contains_key("code") {
            return Answer::new(Some(Service::OssVend), texts(map));
        }
        Answer::new(Some(Service::Sts), texts(map))
    })
}

/// The members that are texts, under the names that the XML has: the SDKs meet both spellings.
fn texts(map: serde_json::Map<String, Value>) -> BTreeMap<String, String> {
    map.into_iter().filter_map(|(name, value)| Some((capital(&name), value.as_str()?.to_owned()))).collect()
}

fn capital(name: &str) -> String {
    let mut rest = name.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// Whether `text` can be shown as it is.
fn is_plain(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_found_in_whatever_stands_around_it() {
        let xml = "<?xml version=\"1.0\"?>\n<Error>\n  <Code>NoSuchKey</Code>\n  <Message>a &amp; b</Message>\
                   <EC>0026-00000001</EC></Error>";
        for text in [xml.to_owned(), format!("< HTTP/1.1 404\n< Date: x\n<\n{xml}\n* Connection left")] {
            let answer = Answer::read(&text).unwrap();
            assert_eq!((answer.code.as_str(), answer.message()), ("NoSuchKey", "a & b"));
            assert_eq!((answer.ec(), answer.service), (Some("0026-00000001"), Service::Oss));
        }
        let cut = Answer::read("<Error><Code>AccessDenied</Code><Message>no").unwrap();
        assert_eq!(cut.code, "AccessDenied");
        let header = format!("< x-oss-err: {}", BASE64_STANDARD.encode(xml));
        assert_eq!(Answer::read(&header).unwrap().code, "NoSuchKey");
    }

    #[test]
    fn who_answered_is_told_by_the_form() {
        let sts = r#"{ noise {"RequestId":"R","HostId":"sts.aliyuncs.com","Code":"NoPermission","Message":"no"}"#;
        assert_eq!(Answer::read(sts).unwrap().service, Service::Sts);
        let xml = "<Error><HostId>sts.aliyuncs.com</HostId><Code>NoPermission</Code></Error>";
        assert_eq!(Answer::read(xml).unwrap().service, Service::Sts);
        let ours = r#"{"type":"about:blank","title":"Forbidden","code":"grant_not_allowed","hint":"ask"}"#;
        assert_eq!(Answer::read(ours).unwrap().service, Service::OssVend);
        for nothing in ["", "<html>", "{}", "{\"Code\": 1}", "<Error><Code>a b</Code></Error>"] {
            assert!(Answer::read(nothing).is_none(), "{nothing}");
        }
    }
}
