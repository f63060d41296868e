//! What goes over the wire, name by name.

use oss_vend::sts::SignatureScheme::{Acs3, Rpc};

use crate::loopback::{
    REQUEST, Received, SESSION_SECRET, SESSION_TOKEN, TOKEN, access_key, answering, call, client, granted, now,
};
use crate::verify;

fn header_names(received: &Received) -> Vec<&str> {
    let mut names: Vec<_> = received.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

fn business_parameters() -> Vec<(&'static str, &'static str)> {
    vec![
        ("DurationSeconds", "3600"),
        ("ExternalId", REQUEST.external_id.unwrap()),
        ("Policy", REQUEST.policy.unwrap()),
        ("RoleArn", REQUEST.role_arn),
        ("RoleSessionName", REQUEST.role_session_name),
        ("SourceIdentity", REQUEST.source_identity.unwrap()),
    ]
}

#[tokio::test]
async fn acs3_has_its_parameters_in_the_query_and_an_empty_body() {
    let (endpoint, server) = answering(granted()).await;
    call(&client(&endpoint, Acs3)).await.unwrap();
    let received = server.await.unwrap();

    assert!(received.line.starts_with("POST /?") && received.body.is_empty());
    let query = verify::parameters(received.query());
    assert_eq!(
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(),
        business_parameters()
    );
    // No `accept-encoding`: an answer that is unpacked could grow beyond any cap.
    let expected = [
        "accept",
        "authorization",
        "content-length",
        "host",
        "user-agent",
        "x-acs-action",
        "x-acs-content-sha256",
        "x-acs-date",
        "x-acs-security-token",
        "x-acs-signature-nonce",
        "x-acs-version",
    ];
    assert_eq!(header_names(&received), expected);
    for (name, value) in [
        ("host", endpoint.authority()),
        ("x-acs-action", "AssumeRole"),
        ("x-acs-version", "2015-04-01"),
        ("x-acs-date", "2026-01-01T00:00:00Z"),
        ("x-acs-security-token", TOKEN),
        ("x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("user-agent", concat!("oss-vend/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(received.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn acs3_signs_the_host_and_every_header_of_its_own() {
    let (endpoint, server) = answering(granted()).await;
    call(&client(&endpoint, Acs3)).await.unwrap();
    let received = server.await.unwrap();

    let signed =
        "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-security-token;x-acs-signature-nonce;x-acs-version";
    let signature = verify::acs3(&received, signed);
    let expected = format!("ACS3-HMAC-SHA256 Credential=LTAIexample,SignedHeaders={signed},Signature={signature}");
    assert_eq!(received.header("authorization"), expected);
}

#[tokio::test]
async fn rpc_has_everything_in_the_form() {
    let (endpoint, server) = answering(granted()).await;
    call(&client(&endpoint, Rpc)).await.unwrap();
    let received = server.await.unwrap();

    assert_eq!(received.line, "POST / HTTP/1.1");
    assert_eq!(header_names(&received), ["accept", "content-length", "content-type", "host", "user-agent"]);
    assert_eq!(received.header("content-type"), "application/x-www-form-urlencoded");
    let mut form = verify::parameters(&received.body);
    assert_eq!(form.remove("Signature").unwrap(), verify::rpc(&form));
    assert!(!form.remove("SignatureNonce").unwrap().is_empty());
    let mut expected = business_parameters();
    expected.extend([
        ("AccessKeyId", "LTAIexample"),
        ("Action", "AssumeRole"),
        ("Format", "JSON"),
        ("SecurityToken", TOKEN),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("Timestamp", "2026-01-01T00:00:00Z"),
        ("Version", "2015-04-01"),
    ]);
    expected.sort_unstable();
    assert_eq!(form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_permanent_key_sends_no_token() {
    let (endpoint, server) = answering(granted()).await;
    client(&endpoint, Acs3).assume_role(&REQUEST, &access_key(None), now()).await.unwrap();
    assert!(!header_names(&server.await.unwrap()).contains(&"x-acs-security-token"));

    let (endpoint, server) = answering(granted()).await;
    client(&endpoint, Rpc).assume_role(&REQUEST, &access_key(None), now()).await.unwrap();
    assert!(!verify::parameters(&server.await.unwrap().body).contains_key("SecurityToken"));
}

#[tokio::test]
async fn each_call_has_a_nonce_of_its_own() {
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let (endpoint, server) = answering(granted()).await;
        call(&client(&endpoint, Acs3)).await.unwrap();
        nonces.push(server.await.unwrap().header("x-acs-signature-nonce").to_owned());
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn what_sts_grants_comes_back_whole() {
    let (endpoint, _server) = answering(granted()).await;
    let assumed = call(&client(&endpoint, Acs3)).await.unwrap();
    let key = &assumed.session_key;
    assert_eq!((assumed.request_id.as_str(), key.access_key.id.as_str()), ("R-1", "STS.id"));
    assert_eq!((key.access_key.secret.expose(), key.token().expose()), (SESSION_SECRET, SESSION_TOKEN));
    assert_eq!((key.issued, key.expiration), (now(), "2026-01-01T01:00:00Z".parse().unwrap()));
    assert_eq!(assumed.server_date, Some("2026-01-01T00:00:05Z".parse().unwrap()));
}
