//! What an uploader orders: where to call, what to send, and variables of its own.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::super::super::error::OssError;
use super::super::super::wire::FormFields;

/// Longest parameter in Base64.
const LONGEST: usize = 5 * 1024;
const URLS: usize = 5;

/// A callback that is ordered.
#[derive(Debug)]
pub(in super::super) struct Order {
    /// Tried in turn.
    pub(super) urls: Vec<Url>,
    /// `Host` of the call, if it is not the address's own.
    pub(super) host: Option<String>,
    pub(super) body: String,
    pub(super) kind: Kind,
    /// Values by name, `x:` included.
    pub(super) variables: BTreeMap<String, String>,
}

/// How the body is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub(super) enum Kind {
    #[default]
    #[serde(rename = "application/x-www-form-urlencoded")]
    Form,
    #[serde(rename = "application/json")]
    Json,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(rename = "callbackUrl")]
    url: String,
    #[serde(rename = "callbackHost")]
    host: Option<String>,
    #[serde(rename = "callbackBody")]
    body: String,
    #[serde(rename = "callbackBodyType", default)]
    kind: Kind,
}

impl Order {
    /// Reads the two parameters, JSON in Base64 each.
    pub(super) fn parse(callback: &str, variables: Option<&str>) -> Result<Self, OssError> {
        let variables = variables.filter(|text| !text.is_empty());
        let variables: BTreeMap<String, String> =
            variables.map(|text| read("callback-var", text)).transpose()?.unwrap_or_default();
        let parameters: Parameters = read("callback", callback)?;
        let invalid = |message: &str| OssError::invalid_argument("callback", callback, message);
        if parameters.body.is_empty() {
            return Err(invalid("The callback configuration has no callbackBody."));
        }
        if !variables.keys().all(|name| name.starts_with("x:") && !name.bytes().any(|byte| byte.is_ascii_uppercase())) {
            return Err(OssError::invalid_argument(
                "callback-var",
                "",
                "Names must begin with x: and be in lower case.",
            ));
        }
        let urls: Option<Vec<_>> = parameters.url.split(';').map(address).collect();
        let urls = urls.filter(|urls| urls.len() <= URLS).ok_or_else(|| invalid("The callbackUrl is invalid."))?;
        let Parameters { host, body, kind, .. } = parameters;
        Ok(Self { urls, host: host.filter(|host| !host.is_empty()), body, kind, variables })
    }

    /// What the fields of a form order: `callback`, and a field for each variable.
    pub(super) fn of_fields(fields: &FormFields) -> Result<Option<Self>, OssError> {
        let repeated = |_| OssError::invalid_argument("callback", "", "callback occurs more than once.");
        let Some(callback) = fields.only("callback").map_err(repeated)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let mut order = Self::parse(callback, None)?;
        let own = fields.iter().filter(|(name, _)| name.starts_with("x:"));
        order.variables.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(Some(order))
    }
}

fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, OssError> {
    let json = STANDARD.decode(text).ok().filter(|_| text.len() <= LONGEST);
    let read = json.and_then(|json| serde_json::from_slice(&json).ok());
    read.ok_or_else(|| OssError::invalid_argument(name, text, format!("The {name} configuration is not json format.")))
}

/// One address, as OSS takes it: http or https, ASCII, no IPv6; and without a user, who would only hide the host.
fn address(text: &str) -> Option<Url> {
    let text = text.trim();
    // OSS takes an address without a scheme as http.
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&whole).ok().filter(|_| text.is_ascii())?;
    let named = matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_)));
    let named = named && url.username().is_empty() && url.password().is_none();
    (named && matches!(url.scheme(), "http" | "https")).then_some(url)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(callback: &Value, variables: Option<&Value>) -> Result<Order, &'static str> {
        let encoded = |value: &Value| STANDARD.encode(value.to_string());
        Order::parse(&encoded(callback), variables.map(encoded).as_deref()).map_err(|error| error.code)
    }

    #[test]
    fn an_order_names_its_addresses_in_turn() {
        let callback = json!({"callbackUrl": "127.0.0.1:1/a;https://b.example/c?d=%20", "callbackBody": "a=${x:a}"});
        let order = parse(&callback, Some(&json!({"x:a": "1"}))).unwrap();
        assert_eq!(
            order.urls.iter().map(Url::as_str).collect::<Vec<_>>(),
            ["http://127.0.0.1:1/a", "https://b.example/c?d=%20"]
        );
        assert_eq!((order.kind, order.variables["x:a"].as_str()), (Kind::Form, "1"));
    }

    #[test]
    fn what_oss_would_not_call_is_refused() {
        let order = |url: &str| json!({"callbackUrl": url, "callbackBody": "a"});
        for callback in [
            json!({}),
            json!({"callbackUrl": "http://a"}),
            json!({"callbackUrl": "http://a", "callbackBody": ""}),
            json!({"callbackUrl": "http://a", "callbackBody": "a", "callbackBodyType": "text/plain"}),
            order("http://[::1]/"),
            order("ftp://a/"),
            order("http://a/é"),
            order("http://127.0.0.1:1@b/"),
            order("http://user@127.0.0.1/"),
            order("http://:secret@127.0.0.1/"),
            order("http://[::ffff:127.0.0.1]/"),
            order(""),
            order("http://a;http://a;http://a;http://a;http://a;http://a"),
            order(&format!("http://a/{}", "a".repeat(LONGEST))),
        ] {
            assert_eq!(parse(&callback, None).err(), Some("InvalidArgument"), "{callback}");
        }
        for variables in [json!({"a": "1"}), json!({"x:A": "1"}), json!([])] {
            assert_eq!(parse(&order("http://a"), Some(&variables)).err(), Some("InvalidArgument"), "{variables}");
        }
        assert!(Order::parse("no base64", None).is_err());
    }
}
