use std::io;
use std::net::SocketAddr;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use oss_vend::emulator::{
    BucketOptions, DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_BUCKET, DEV_REGION, Emulator, Options,
};
use reqwest::{Client, Method, RequestBuilder, Response};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

/// What the emulator's clock says.
pub(crate) const NOW: &str = "20250214T080910Z";
pub(crate) const OPEN_BUCKET: &str = "openbucket";

/// A key that signs; the token goes into the headers that are signed.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// The key of `dev`.
pub(crate) fn dev_key() -> Key {
    Key { id: DEV_ACCESS_KEY_ID.to_owned(), secret: DEV_ACCESS_KEY_SECRET.to_owned() }
}

/// A running emulator.
pub(crate) struct Cloud {
    pub(crate) emulator: Emulator,
    pub(crate) address: SocketAddr,
    pub(crate) sts: SocketAddr,
    client: Client,
}

/// The buckets of `dev`, one of them open to everyone.
pub(crate) fn options() -> Options {
    let mut options = Options::dev();
    options.buckets.push(BucketOptions {
        name: OPEN_BUCKET.to_owned(),
        acl: "public-read-write".to_owned(),
        domains: vec!["static.example.com".to_owned()],
        cors: false,
        elsewhere: None,
    });
    options
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let emulator = Emulator::new(options, now).expect("the options are right");
        let address = serve(emulator.oss()).await.expect("a port is free");
        let sts = serve(emulator.sts()).await.expect("a port is free");
        Self { emulator, address, sts, client: Client::new() }
    }

    /// An unsigned request; `path` begins with the bucket.
    pub(crate) fn anonymous(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        self.client.request(method, format!("http://{}/{path}", self.address))
    }

    /// A signed request with headers that take part in the signature.
    pub(crate) fn signed(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        self.signed_for(method, path, path, headers)
    }

    /// As [`Self::signed`], where the path on the wire is not that of the resource.
    pub(crate) fn signed_for(
        &self,
        method: &str,
        wire: &str,
        resource: &str,
        headers: &[(&str, &str)],
    ) -> RequestBuilder {
        sign(&dev_key(), self.anonymous(method, wire), method, resource, headers)
    }

    /// A request on a socket of its own, as it stands; what came back until the other side closed.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut socket = tokio::net::TcpStream::connect(self.address).await.expect("it listens");
        socket.write_all(request).await.expect("it reads");
        socket.shutdown().await.expect("it is open");
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_739_520_550, 0).expect("it is in range")
}

async fn serve(router: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

/// Signs a request; `resource` is encoded as it is to be signed.
pub(crate) fn sign(
    key: &Key,
    request: RequestBuilder,
    method: &str,
    resource: &str,
    headers: &[(&str, &str)],
) -> RequestBuilder {
    let mut headers = headers.to_vec();
    headers.extend([("x-oss-content-sha256", "UNSIGNED-PAYLOAD"), ("x-oss-date", NOW)]);
    headers.sort_unstable();
    let request = request.header("authorization", authorization(key, method, resource, &headers));
    headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
}

fn authorization(key: &Key, method: &str, resource: &str, headers: &[(&str, &str)]) -> String {
    let (path, query) = resource.split_once('?').unwrap_or((resource, ""));
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let mut parameters: Vec<&str> = query.split('&').map(|pair| pair.trim_end_matches('=')).collect();
    parameters.sort_unstable();
    let (parameters, headers) = (parameters.join("&"), headers.concat());
    let canonical = format!("{method}\n/{path}\n{parameters}\n{headers}\n\nUNSIGNED-PAYLOAD");
    let hash = const_hex::encode(Sha256::digest(canonical));
    let signature = signature(key, &format!("OSS4-HMAC-SHA256\n{NOW}\n{}\n{hash}", scope()));
    format!("OSS4-HMAC-SHA256 Credential={}/{},Signature={signature}", key.id, scope())
}

/// A signed URL's path and query, of a path that needs no encoding; `seconds` is its life.
pub(crate) fn signed_url(method: &str, path: &str, seconds: u32) -> String {
    let credential = credential().replace('/', "%2F");
    let query = format!(
        "x-oss-credential={credential}&x-oss-date={NOW}&x-oss-expires={seconds}&x-oss-signature-version=OSS4-HMAC-SHA256"
    );
    let hash = const_hex::encode(Sha256::digest(format!("{method}\n/{path}\n{query}\n\n\nUNSIGNED-PAYLOAD")));
    let signature = signature(&dev_key(), &format!("OSS4-HMAC-SHA256\n{NOW}\n{}\n{hash}", scope()));
    format!("{path}?{query}&x-oss-signature={signature}")
}

fn credential() -> String {
    format!("{DEV_ACCESS_KEY_ID}/{}", scope())
}

fn scope() -> String {
    format!("{}/{DEV_REGION}/oss/aliyun_v4_request", &NOW[..8])
}

/// The V4 signature of a text.
fn signature(key: &Key, text: &str) -> String {
    let secret = format!("aliyun_v4{}", key.secret).into_bytes();
    let steps = [&NOW[..8], DEV_REGION, "oss", "aliyun_v4_request", text];
    const_hex::encode(steps.iter().fold(secret, |key, step| hmac(&key, step)))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A form with its file last.
pub(crate) fn form(request: RequestBuilder, fields: &[(&str, &str)], file: &[u8]) -> RequestBuilder {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    body.extend(b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo 1.png\"\r\n");
    body.extend(b"Content-Type: image/png\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--edge--\r\n");
    request.header("content-type", "multipart/form-data; boundary=edge").body(body)
}

/// The fields of a form whose policy has these conditions beside the signature's own.
pub(crate) fn signed_fields(conditions: &str) -> Vec<(&'static str, String)> {
    let policy = format!(
        r#"{{"expiration":"2025-02-14T09:00:00.000Z","conditions":[{{"bucket":"{DEV_BUCKET}"}},
        {{"x-oss-signature-version":"OSS4-HMAC-SHA256"}},{{"x-oss-credential":"{}"}},{{"x-oss-date":"{NOW}"}}{conditions}]}}"#,
        credential()
    );
    let policy = STANDARD.encode(policy);
    vec![
        ("x-oss-signature", signature(&dev_key(), &policy)),
        ("policy", policy),
        ("x-oss-signature-version", "OSS4-HMAC-SHA256".to_owned()),
        ("x-oss-credential", credential()),
        ("x-oss-date", NOW.to_owned()),
    ]
}

pub(crate) trait Answer {
    /// A header's value, empty when it is not there.
    fn head(&self, name: &str) -> String;
    /// Status and `Code` of a refusal.
    async fn refusal(self) -> (u16, String);
}

impl Answer for Response {
    fn head(&self, name: &str) -> String {
        let value = self.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        value.unwrap_or_default()
    }

    async fn refusal(self) -> (u16, String) {
        let status = self.status().as_u16();
        let text = self.text().await.expect("it has a body");
        (status, element(&text, "Code"))
    }
}

/// Text of the first element of that name.
pub(crate) fn element(document: &str, name: &str) -> String {
    let rest = document.split_once(&format!("<{name}>")).map(|(_, rest)| rest);
    rest.and_then(|rest| rest.split_once(&format!("</{name}>"))).map(|(text, _)| text.to_owned()).unwrap_or_default()
}

/// Texts of all elements of that name.
pub(crate) fn elements(document: &str, name: &str) -> Vec<String> {
    let open = format!("<{name}>");
    let pieces = document.split(&open).skip(1);
    pieces.filter_map(|piece| piece.split_once(&format!("</{name}>"))).map(|(text, _)| text.to_owned()).collect()
}
