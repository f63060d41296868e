//! Recomputes signatures from the bytes on the wire, with nothing of the signer.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use crate::loopback::{Received, SECRET};

/// The parameters of a query or a form, each of which must occur once.
pub(crate) fn parameters(text: &str) -> BTreeMap<String, String> {
    let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "a parameter occurs twice in {text}");
    map
}

/// The signature that an RPC form must carry.
pub(crate) fn rpc(form: &BTreeMap<String, String>) -> String {
    let text = format!("POST&%2F&{}", encode(&canonical(form, "Signature")));
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{SECRET}&").as_bytes()).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The signature that an ACS3 request must carry, over the headers that it says are signed.
pub(crate) fn acs3(received: &Received, signed: &str) -> String {
    let lines: String = signed.split(';').flat_map(|name| [name, ":", received.header(name), "\n"]).collect();
    let query = canonical(&parameters(received.query()), "");
    let body = const_hex::encode(Sha256::digest(&received.body));
    let request = format!("POST\n/\n{query}\n{lines}\n{signed}\n{body}");
    let text = format!("ACS3-HMAC-SHA256\n{}", const_hex::encode(Sha256::digest(request)));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    const_hex::encode(mac.finalize().into_bytes())
}

fn canonical(parameters: &BTreeMap<String, String>, left_out: &str) -> String {
    let pairs = parameters.iter().filter(|(name, _)| *name != left_out);
    pairs.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
