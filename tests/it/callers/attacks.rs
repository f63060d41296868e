//! Tokens that somebody made up.

use serde_json::json;

use super::keys::{Key, encoded};
use super::provider::Provider;
use super::{claims, dir, get, invalid_token, refusal, server_of};

#[tokio::test]
async fn no_token_chooses_its_own_algorithm_or_key() {
    let (rsa, other, curve) = (Key::new("RS256"), Key::named("RS256", "RS256"), Key::new("ES256"));
    let provider = Provider::start(&[&rsa, &curve]).await;
    let server = server_of(&provider, "").await;
    let says = claims(&provider, &server);
    assert_eq!(dir(&server, &rsa.token(&says)).await, "avatars/u42/");

    let mut forged = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": alg, "kid": "RS256" }).to_string();
        let unsigned = format!("{}.{}.", encoded(header), encoded(says.to_string()));
        forged.push(format!("{unsigned}{}", encoded("x")));
        forged.push(unsigned);
    }
    for alg in ["HS256", "HS384", "HS512"] {
        for secret in rsa.as_secrets() {
            let hmac = Key::secret(alg, &secret);
            forged.push(hmac.token_with(&json!({ "alg": alg, "kid": "RS256" }), &says));
            forged.push(hmac.token_with(&json!({ "alg": alg }), &says));
            forged.push(hmac.token_with(&json!({ "alg": "RS256", "kid": "RS256" }), &says));
        }
    }
    // Another key, also where the token brings it along, and the right key under another's name or algorithm.
    forged.push(other.token(&says));
    forged.push(other.token_with(&json!({ "alg": "RS256", "kid": "RS256", "jwk": other.jwk() }), &says));
    forged.push(other.token_with(&json!({ "alg": "RS256", "kid": "x", "jku": "http://127.0.0.1:1/keys" }), &says));
    forged.push(rsa.token_with(&json!({ "alg": "RS256", "kid": "ES256" }), &says));
    forged.push(rsa.token_with(&json!({ "alg": "PS256", "kid": "RS256" }), &says));
    forged.push(rsa.token_with(&json!({ "alg": "RS512", "kid": "RS256" }), &says));
    forged.push(rsa.token_with(&json!({ "alg": "RS256", "kid": "RS256", "crit": ["exp"] }), &says));
    forged.push(rsa.token_with(&json!({ "alg": "RS256", "kid": "RS256", "typ": "logout+jwt" }), &says));
    forged.push(rsa.token_with(&json!({ "alg": "RS256", "kid": 7 }), &says));
    // Another's claims under a good signature.
    let good = rsa.token(&says);
    let parts: Vec<_> = good.split('.').collect();
    let claims_of_bob = encoded(says.to_string().replace("u42", "bob"));
    forged.push([parts[0], &claims_of_bob, parts[2]].join("."));
    forged.push([parts[0], parts[1], ""].join("."));
    forged.push(format!("{good}="));
    for token in forged {
        assert_eq!(refusal(&server, &token).await, invalid_token(), "{token}");
    }
    assert_eq!(dir(&server, &good).await, "avatars/u42/");
}

#[tokio::test]
async fn a_key_without_an_algorithm_is_for_those_that_the_operator_lists() {
    let key = Key::new("RS256");
    let provider = Provider::start(&[&key]).await;
    let mut jwk = key.jwk();
    jwk.as_object_mut().unwrap().remove("alg");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    std::fs::write(&file, json!({ "keys": [jwk] }).to_string()).unwrap();
    for (listed, fits) in [("RS256", true), ("PS256", false)] {
        let more = format!("jwks_file = {file:?}\nalgorithms = [{listed:?}]");
        let server = server_of(&provider, &more).await;
        let token = key.token(&claims(&provider, &server));
        let answer = server.get_as(&token, "/sts?grant=avatars").await;
        assert_eq!(answer.status == 200, fits, "{listed}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_wrong_proof_is_refused_where_no_proof_is_served() {
    let key = Key::new("EdDSA");
    let provider = Provider::start(&[&key]).await;
    let server = server_of(&provider, "").await;
    assert_eq!(server.get("/sts").await.status, 200);
    let token = key.token(&claims(&provider, &server));
    for (authorization, code) in [
        ("Bearer x", "invalid_token"),
        ("Bearer a.b.c", "invalid_token"),
        ("Bearer ovk_unknown", "invalid_proof"),
        ("Basic YTpi", "invalid_proof"),
        ("", "invalid_proof"),
    ] {
        for path in ["/sts", "/post-signature", "/presigned-url?key=uploads/a", "/get_presigned_url_for_oss_upload"] {
            let request = server.request(reqwest::Method::GET, path).header("authorization", authorization);
            assert_eq!(
                crate::support::Answer::of(request).await.problem(),
                (401, code.into()),
                "{authorization} {path}"
            );
        }
    }
    let twice = format!("Bearer {token}");
    let both = get(&server, &[("authorization", &twice), ("authorization", &twice)]).await;
    assert_eq!(both.problem(), (400, "duplicate_header".into()));
}
