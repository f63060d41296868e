//! The call itself: signed with the emulator's key, five seconds long at most, to one address after another.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, DATE, HOST, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use url::Url;

use super::super::super::loopback;
use super::super::super::store::Object;
use super::super::super::wire::{decode, to_http_date};
use super::super::call::Call;
use super::order::{Kind, Order};
use super::template::{Value, fill};
use super::{Callbacks, KEY_PATH};

/// Within this time the server must have answered.
const TIME: Duration = Duration::from_secs(5);

/// Longest answer in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;

/// Calls the addresses in turn; the first good answer, or what was wrong with the last one.
pub(super) async fn send(call: &Call<'_>, order: &Order, object: &Object) -> Result<Vec<u8>, String> {
    let body = fill(&order.body, order.kind, |name| variable(call, order, object, name));
    let mut outcome = Err("There is no address to call.".to_owned());
    for url in &order.urls {
        outcome = send_to(call, order, url, &body).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

async fn send_to(call: &Call<'_>, order: &Order, url: &Url, body: &str) -> Result<Vec<u8>, String> {
    let callbacks = &call.state.callbacks;
    let named = [url.host_str(), order.host.as_deref().or(url.host_str())];
    if !callbacks.anywhere && !named.into_iter().all(stays_here) {
        return Err(
            "The emulator calls back only this machine, unless dev runs with --callbacks-anywhere (callbackUrl and callbackHost \
                    must be localhost, a name below it, or a loopback address)."
                .to_owned(),
        );
    }
    // The first time a key has to be made, which is none of the server's time.
    let signature = signature(call, string_to_sign(url, body)).await;
    let called = async {
        let request = callbacks.client().post(url.clone()).body(body.to_owned());
        let request = request.header(AUTHORIZATION, signature);
        let request =
            headers(call, order, body).into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = request.send().await.map_err(|error| format!("The call failed: {}", error.without_url()))?;
        read(answer).await
    };
    tokio::time::timeout(TIME, called)
        .await
        .unwrap_or_else(|_| Err("The server did not answer in 5 seconds.".to_owned()))
}

async fn read(mut answer: Response) -> Result<Vec<u8>, String> {
    if answer.status() != 200 {
        return Err(format!("Error status : {}.", answer.status().as_u16()));
    }
    if answer.content_length().is_none() {
        return Err("The answer has no Content-Length.".to_owned());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| "The answer was cut off.".to_owned())? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err("The answer is longer than 1 MB.".to_owned());
        }
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&body) {
        Ok(_) => Ok(body),
        Err(_) => Err("Response body is not valid json format.".to_owned()),
    }
}

fn headers(call: &Call<'_>, order: &Order, body: &str) -> Vec<(&'static str, String)> {
    let owner = call.state.owner.clone();
    let mut headers = vec![
        ("x-oss-pub-key-url", STANDARD.encode(key_url(call.state.callbacks.address, &call.head.host))),
        ("content-md5", STANDARD.encode(Md5::digest(body))),
        (CONTENT_TYPE.as_str(), content_type(order.kind).to_owned()),
        (DATE.as_str(), to_http_date(call.now)),
        (USER_AGENT.as_str(), "aliyun-oss-callback".to_owned()),
        ("x-oss-additional-headers", String::new()),
        ("x-oss-bucket", call.reading.bucket.clone().unwrap_or_default()),
        ("x-oss-requester", call.identity.account_id().unwrap_or_default().to_owned()),
        ("x-oss-owner", owner),
        ("x-oss-request-id", call.request_id.clone()),
        ("x-oss-signature-version", "1.0".to_owned()),
        ("x-oss-tag", "CALLBACK".to_owned()),
        (CONNECTION.as_str(), "close".to_owned()),
    ];
    headers.extend(order.host.iter().map(|host| (HOST.as_str(), host.clone())));
    headers
}

/// Signs away from the other work: it takes a while.
async fn signature(call: &Call<'_>, text: String) -> String {
    let key = Arc::clone(&call.state.key);
    let signed = tokio::task::spawn_blocking(move || key.sign_md5(text.as_bytes())).await;
    STANDARD.encode(signed.expect("the task neither panics nor is aborted"))
}

/// The decoded path, the query as it is, and the body.
fn string_to_sign(url: &Url, body: &str) -> String {
    let path = decode(url.path()).unwrap_or_else(|| url.path().to_owned());
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{path}{query}\n{body}")
}

/// Where a verifier can fetch the public key: this very listener. A host that names a bucket might lead nowhere, and with
/// an IP endpoint `ali-oss` sends the bucket's real name, without a port.
fn key_url(address: Option<SocketAddr>, host: &str) -> String {
    let (name, port) = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).unwrap_or((host, "80"));
    let is_own = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let place = match address {
        Some(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        Some(address) => address.to_string(),
        None if is_own => format!("{name}:{port}"),
        None => format!("localhost:{port}"),
    };
    format!("http://{place}{KEY_PATH}")
}

fn content_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Form => "application/x-www-form-urlencoded",
        Kind::Json => "application/json",
    }
}

fn variable(call: &Call<'_>, order: &Order, object: &Object, name: &str) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    match name {
        "bucket" => text(call.reading.bucket.as_deref()?),
        "object" => text(call.key()),
        "etag" => text(&object.facts.etag),
        "size" => Some(Value::Number(object.content.size())),
        "mimeType" => {
            text(object.attributes.headers.get("content-type").map_or("application/octet-stream", String::as_str))
        }
        "crc64" => text(&object.facts.crc64.to_string()),
        "contentMd5" => text(object.facts.content_md5.as_deref()?),
        "clientIp" => text(&call.head.sender),
        "reqId" => text(&call.request_id),
        "operation" => text(call.operation),
        own => order.variables.get(own).map(String::as_str).and_then(text),
    }
}

/// Whether a host, with its port or without, is this machine.
fn stays_here(host: Option<&str>) -> bool {
    host.is_some_and(|host| loopback::is_loopback(loopback::without_port(host)))
}

/// Resolves every name to this machine: a resolver that knows nothing of `localhost` would ask DNS for what is below it.
struct ThisMachine;

impl Resolve for ThisMachine {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
        Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
    }
}

impl Callbacks {
    /// Follows no redirect and no proxy: it calls what was ordered or nothing.
    fn client(&self) -> &Client {
        let build = || {
            let builder = Client::builder().redirect(Policy::none()).no_proxy().http1_only().timeout(TIME);
            let builder = if self.anywhere { builder } else { builder.dns_resolver(Arc::new(ThisMachine)) };
            builder.build().expect("nothing that can be missing is asked for")
        };
        self.client.get_or_init(build)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_where_the_listener_is() {
        for (host, expected) in [
            ("127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("[::1]:9000", "http://[::1]:9000"),
            ("examplebucket.localhost:9000", "http://localhost:9000"),
            ("localhost", "http://localhost:80"),
        ] {
            assert_eq!(key_url(None, host), format!("{expected}{KEY_PATH}"), "{host}");
        }
        let host = "examplebucket.oss-cn-hangzhou.aliyuncs.com";
        for (address, expected) in [("127.0.0.1:9000", "127.0.0.1:9000"), ("0.0.0.0:9000", "localhost:9000")] {
            let address = address.parse().unwrap();
            assert_eq!(key_url(Some(address), host), format!("http://{expected}{KEY_PATH}"));
        }
    }

    #[test]
    fn the_path_is_signed_decoded_and_the_query_as_it_is() {
        let url = Url::parse("http://a/b%20c?d=%20").unwrap();
        assert_eq!(string_to_sign(&url, "body"), "/b c?d=%20\nbody");
    }

    #[test]
    fn only_this_machine_is_called() {
        for (url, expected) in [
            ("http://127.0.0.1/", true),
            ("http://127.9.9.9/", true),
            ("http://localhost:1/", true),
            ("http://app.localhost/", true),
            ("http://10.0.0.1/", false),
            ("http://0.0.0.0/", false),
            ("http://127.0.0.1.example/", false),
            ("http://2130706433/", true),
        ] {
            assert_eq!(stays_here(Url::parse(url).unwrap().host_str()), expected, "{url}");
        }
    }
}
