//! At the most talkative level of every library below us, no secret reaches the log, an error or a `Debug`.

use oss_vend::sts::SignatureScheme;

use crate::log;
use crate::loopback::{SECRET, SESSION_SECRET, SESSION_TOKEN, TOKEN, answering, call, client, granted, http};

/// Everything that a call leaves behind: the log, and its outcome in every form it can be printed.
async fn traces(answer: String, scheme: SignatureScheme) -> String {
    log::take();
    let (endpoint, _server) = answering(answer).await;
    let client = client(&endpoint, scheme);
    let outcome = match call(&client).await {
        Ok(assumed) => format!("{assumed:?}"),
        Err(error) => format!("{error} {error:?} {:?}", error.message()),
    };
    format!("{} {client:?} {outcome}", log::take())
}

fn assert_silent(traces: &str) {
    for secret in [SECRET, TOKEN, SESSION_SECRET, SESSION_TOKEN, "Signature=", "CAIS", "sessionSecret"] {
        assert!(!traces.contains(secret), "{secret} in {traces}");
    }
}

#[tokio::test]
async fn a_grant_leaves_one_event_and_no_secret() {
    for scheme in [SignatureScheme::Acs3, SignatureScheme::Rpc] {
        let traces = traces(granted(), scheme).await;
        assert_eq!(traces.matches(" AssumeRole ").count(), 1, "{traces}");
        for field in
            ["DEBUG oss_vend::sts", "endpoint=\"127.0.0.1:", "outcome=\"granted\"", "request_id=\"R-1\"", "elapsed="]
        {
            assert!(traces.contains(field), "{field} in {traces}");
        }
        assert_silent(&traces);
    }
}

#[tokio::test]
async fn a_signature_error_that_repeats_what_was_signed_leaves_no_secret() {
    let body = format!(
        r#"{{"RequestId":"R-1","Code":"SignatureDoesNotMatch","Message":"Specified signature is not matched with our calculation. server string to sign is:POST&%2F&SecurityToken%3D{TOKEN}"}}"#
    );
    for scheme in [SignatureScheme::Acs3, SignatureScheme::Rpc] {
        let traces = traces(http("400 Bad Request", &[], &body), scheme).await;
        assert!(traces.contains("code=\"SignatureDoesNotMatch\""), "{traces}");
        assert!(traces.contains("is not matched with our calculation."), "{traces}");
        assert_silent(&traces);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_repeated() {
    for body in [format!("\"{SESSION_SECRET}\""), format!(r#"{{"Credentials":{{"Expiration":["{SESSION_TOKEN}"]}}}}"#)]
    {
        assert_silent(&traces(http("200 OK", &[], &body), SignatureScheme::Acs3).await);
    }
}
