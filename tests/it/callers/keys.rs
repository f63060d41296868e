//! Keys that are made for a test, and tokens that they sign.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use serde_json::{Value, json};

/// A key pair or a secret, with its id.
pub(crate) struct Key {
    pub(crate) kid: String,
    pub(crate) alg: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
    Secret(Box<hmac::Key>),
}

/// The algorithms with a public key.
pub(crate) const PUBLIC: [&str; 10] =
    ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

impl Key {
    /// A new pair for `alg`, whose id is the algorithm's name.
    pub(crate) fn new(alg: &'static str) -> Self {
        Self::named(alg, alg)
    }

    pub(crate) fn named(kid: &str, alg: &'static str) -> Self {
        let pair = match alg {
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "RS384" => rsa(&RSA_PKCS1_SHA384),
            "RS512" => rsa(&RSA_PKCS1_SHA512),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "PS384" => rsa(&RSA_PSS_SHA384),
            "PS512" => rsa(&RSA_PSS_SHA512),
            "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            "ES512" => ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
            "EdDSA" => Pair::Ed(Ed25519KeyPair::generate().unwrap()),
            other => panic!("{other}"),
        };
        Self { kid: kid.into(), alg, pair }
    }

    /// A secret for `alg`.
    pub(crate) fn secret(alg: &'static str, secret: &[u8]) -> Self {
        let hash = match alg {
            "HS256" => hmac::HMAC_SHA256,
            "HS384" => hmac::HMAC_SHA384,
            "HS512" => hmac::HMAC_SHA512,
            other => panic!("{other}"),
        };
        Self { kid: "secret".into(), alg, pair: Pair::Secret(Box::new(hmac::Key::new(hash, secret))) }
    }

    /// A token that says `claims`, with the header as it should be.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.alg, "kid": self.kid, "typ": "JWT" }), claims)
    }

    /// The same with any header.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        format!("{signed}.{}", encoded(self.sign(signed.as_bytes())))
    }

    /// The public half as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair, _) => {
                let n = encoded(pair.public_key().modulus().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "use": "sig", "kid": self.kid, "alg": self.alg, "n": n, "e": "AQAB" })
            }
            Pair::Ec(pair, curve) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({ "kty": "EC", "kid": self.kid, "crv": curve, "x": encoded(x), "y": encoded(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "kid": self.kid, "crv": "Ed25519", "x": encoded(pair.public_key()) })
            }
            Pair::Secret(_) => panic!("a secret has no public half"),
        }
    }

    /// The public half of an RSA key in the forms that someone might take for an HMAC secret.
    pub(crate) fn as_secrets(&self) -> Vec<Vec<u8>> {
        let Pair::Rsa(pair, _) = &self.pair else { panic!("{} is not RSA", self.alg) };
        let modulus = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
        let der = pair.public_key().as_ref().to_vec();
        let jwk = self.jwk();
        let text = jwk["n"].as_str().unwrap().as_bytes().to_vec();
        let base64 = base64::prelude::BASE64_STANDARD.encode(&der);
        let pem = format!("-----BEGIN RSA PUBLIC KEY-----\n{base64}\n-----END RSA PUBLIC KEY-----\n");
        vec![modulus, der, text, pem.into_bytes(), jwk.to_string().into_bytes(), Vec::new()]
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair, _) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Secret(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }
}

fn rsa(encoding: &'static dyn RsaEncoding) -> Pair {
    Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), encoding)
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Pair {
    Pair::Ec(EcdsaKeyPair::generate(algorithm).unwrap(), curve)
}

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
