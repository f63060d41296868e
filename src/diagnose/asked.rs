//! The request behind an error, as it was pasted: a URL, the head of a request, or our own answer that says what to send.

use std::net::IpAddr;

use serde_json::Value;
use url::Url;

use super::percent::decoded;

/// A request to OSS, as much as is known of it. There is no `Debug`: it may carry a token and a signature.
#[derive(Clone)]
pub struct Asked {
    /// `None` where only a URL was given.
    pub method: Option<String>,
    /// Host and perhaps port.
    pub host: String,
    /// The path, decoded, without the first slash.
    pub path: String,
    /// The parameters, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Whether a `+` in the query stood as it is, which is a space to every server.
    pub has_raw_plus: bool,
}

impl Asked {
    /// The request in `text`, if there is one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        of_json(text).or_else(|| of_head(text)).or_else(|| of_url(text))
    }

    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Bucket and key, where the address tells them; a custom domain does not name its bucket.
    #[must_use]
    pub fn resource(&self) -> Option<(String, String)> {
        let host = self.host.rsplit_once(':').map_or(self.host.as_str(), |(host, _)| host);
        if host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            let (bucket, key) = self.path.split_once('/').unwrap_or((&self.path, ""));
            return Some((bucket.to_owned(), key.to_owned()));
        }
        let (bucket, service) = host.split_once('.')?;
        let standard = service.ends_with(".aliyuncs.com") || service.ends_with("localhost");
        standard.then(|| (bucket.to_owned(), self.path.clone()))
    }

    fn new(method: Option<String>, host: String, target: &str, headers: Vec<(String, String)>) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query.split('#').next().unwrap_or_default();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query_pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name, true), decoded(value, true))
        });
        Self {
            method,
            host,
            path: decoded(path.strip_prefix('/').unwrap_or(path), false),
            query: query_pairs.collect(),
            headers,
            has_raw_plus: query.contains('+'),
        }
    }
}

/// Our own answer of `/presigned-url`: what was meant to be sent.
fn of_json(text: &str) -> Option<Asked> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let headers = value["headers"].as_object().into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())));
    let asked = of_url(value["url"].as_str()?)?;
    Some(Asked { method: value["method"].as_str().map(str::to_owned), headers: headers.collect(), ..asked })
}

/// A request line and headers, alone or as `curl -v` shows them.
fn of_head(text: &str) -> Option<Asked> {
    let mut lines = text.lines().map(|line| line.strip_prefix("> ").unwrap_or(line).trim_end()).skip_while(|line| {
        let mut words = line.split(' ');
        let request = matches!((words.next(), words.next(), words.next()), (Some(_), Some(_), Some(http)) if http.starts_with("HTTP/"));
        !request
    });
    let line = lines.next()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers: Vec<_> = lines
        .map_while(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()))
        .collect();
    if target.contains("://") {
        return of_url(&target).map(|asked| Asked { method: Some(method), headers, ..asked });
    }
    let host = headers.iter().find(|(name, _)| name == "host").map(|(_, value)| value.clone())?;
    Some(Asked::new(Some(method), host, &target, headers))
}

/// The first URL in the text, up to a space or a quote.
fn of_url(text: &str) -> Option<Asked> {
    let start = ["https://", "http://"].iter().filter_map(|scheme| text.find(scheme)).min()?;
    let end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>');
    let raw = text[start..].split(end).next()?;
    let url = Url::parse(raw).ok()?;
    let host = url
        .port()
        .map_or_else(|| url.host_str().map(str::to_owned), |port| Some(format!("{}:{port}", url.host_str()?)))?;
    let target = raw.split_once("://")?.1;
    let target = target.find(['/', '?']).map_or("/", |at| &target[at..]);
    Some(Asked::new(None, host, target, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_in_each_form_it_is_pasted_in() {
        let url = "https://b.oss-cn-hangzhou.aliyuncs.com/a%2Fb%20c?x=1%2B2&uploads";
        let head = "* Connected\n> PUT /a%2Fb%20c?x=1%2B2&uploads HTTP/1.1\n> Host: b.oss-cn-hangzhou.aliyuncs.com\n\
                    > Content-Type: image/png\n>\n< HTTP/1.1 403 Forbidden\n";
        let ours = format!(r#"{{"method":"PUT","url":"{url}","headers":{{"Content-Type":"image/png"}}}}"#);
        for (text, whole) in [(url, false), (head, true), (ours.as_str(), true)] {
            let asked = Asked::read(text).unwrap();
            assert_eq!(asked.resource(), Some(("b".into(), "a/b c".into())), "{text}");
            assert_eq!((asked.parameter("x"), asked.parameter("uploads")), (Some("1+2"), Some("")));
            assert_eq!(asked.method.is_some(), whole);
            assert_eq!(asked.header("content-type"), whole.then_some("image/png"));
        }
    }

    #[test]
    fn only_an_address_that_says_so_names_the_bucket() {
        for (url, expected) in [
            ("http://127.0.0.1:9000/b/a/b", Some(("b", "a/b"))),
            ("http://b.localhost:9000/a", Some(("b", "a"))),
            ("https://static.example.com/a", None),
        ] {
            let expected = expected.map(|(bucket, key)| (bucket.to_owned(), key.to_owned()));
            assert_eq!(Asked::read(url).unwrap().resource(), expected, "{url}");
        }
        assert!(Asked::read("no request here").is_none());
    }
}
