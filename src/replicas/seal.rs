//! What makes an entry unreadable, unchangeable and unmovable in Redis.
//!
//! An entry is `<end> <version> <key id> <sealed>`: the end in milliseconds, for Redis' scripts; the id of the key, for
//! rotation; a random nonce, the ciphertext and its tag. All that stands before the nonce is sealed along as associated
//! data, with the kind of entry and its whole context.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::options::{SealingKey, Unusable};

/// The digits of an end; enough until the year 2286.
const DIGITS: usize = 13;
/// The form of an entry. Another one is not read.
const VERSION: u8 = 1;

/// A keyed digest: the name of something in Redis.
pub(super) type Digest = [u8; 32];

/// The sealing keys; the first seals and names, all of them open.
#[derive(Debug)]
pub(super) struct Ring {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: String,
    seal: RandomizedNonceKey,
    /// What names are digested with; it is not the key that seals.
    names: Zeroizing<Vec<u8>>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Key,
    Failure,
}

impl Ring {
    pub(super) fn new(keys: &[SealingKey]) -> Result<Self, Unusable> {
        let keys = keys.iter().map(Key::new).collect::<Option<Vec<_>>>().ok_or(Unusable::SealingKey)?;
        if keys.is_empty() { Err(Unusable::SealingKey) } else { Ok(Self { keys }) }
    }

    /// The names of `context`, that of the sealing key first.
    pub(super) fn names(&self, context: &[u8]) -> Vec<Digest> {
        self.keys.iter().map(|key| digest(&key.names, context)).collect()
    }

    /// `plain` as an entry that ends at `end`, in Unix milliseconds.
    pub(super) fn seal(&self, kind: Kind, context: &[u8], end: i64, plain: &[u8]) -> Option<Vec<u8>> {
        let key = self.keys.first()?;
        let head = head(end, &key.id);
        let mut sealed = plain.to_vec();
        let nonce = key.seal.seal_in_place_append_tag(Aad::from(associated(&head, kind, context)), &mut sealed).ok()?;
        Some([&head, &nonce.as_ref()[..], &sealed].concat())
    }

    /// What `entry` holds, if it was sealed for exactly this.
    pub(super) fn open(&self, kind: Kind, context: &[u8], entry: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (key, head) = self.keys.iter().find_map(|key| {
            let length = DIGITS + 2 + key.id.len();
            let head = entry.get(..length)?;
            (head[DIGITS..] == self::head(0, &key.id)[DIGITS..]).then_some((key, head))
        })?;
        let rest = &entry[head.len()..];
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let length = key.seal.open_in_place(nonce, Aad::from(associated(head, kind, context)), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

impl Key {
    fn new(key: &SealingKey) -> Option<Self> {
        let master = key.bytes()?;
        let seal = Zeroizing::new(digest(&master, b"oss-vend 1 seal"));
        Some(Self {
            id: key.id.clone(),
            seal: RandomizedNonceKey::new(&AES_256_GCM, seal.as_slice()).ok()?,
            names: Zeroizing::new(digest(&master, b"oss-vend 1 names").to_vec()),
        })
    }
}

/// When `entry` ends, in Unix milliseconds; to be believed once it is open.
pub(super) fn end(entry: &[u8]) -> Option<i64> {
    std::str::from_utf8(entry.get(..DIGITS)?).ok()?.parse().ok()
}

fn digest(key: &[u8], text: &[u8]) -> Digest {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn head(end: i64, id: &str) -> Vec<u8> {
    let mut head = format!("{end:0DIGITS$}").into_bytes();
    head.extend([VERSION, u8::try_from(id.len()).unwrap_or(u8::MAX)]);
    head.extend(id.as_bytes());
    head
}

/// The head says its own length, so nothing of it can pass for context.
fn associated(head: &[u8], kind: Kind, context: &[u8]) -> Vec<u8> {
    let kind = match kind {
        Kind::Key => b'k',
        Kind::Failure => b'f',
    };
    [head, &[kind], context].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "old:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn ring(keys: &[&str]) -> Ring {
        Ring::new(&keys.iter().map(|key| SealingKey::parse(key).unwrap()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_for_the_same_context_and_kind_alone() {
        let ring = ring(&[NEW]);
        let entry = ring.seal(Kind::Key, b"alice", 1_767_225_600_000, b"hush").unwrap();
        assert_eq!(ring.open(Kind::Key, b"alice", &entry).unwrap().as_slice(), b"hush");
        assert!(ring.open(Kind::Key, b"bob", &entry).is_none());
        assert!(ring.open(Kind::Failure, b"alice", &entry).is_none());
    }

    #[test]
    fn one_bit_more_or_less_anywhere_and_it_does_not_open() {
        let ring = ring(&[NEW]);
        let entry = ring.seal(Kind::Key, b"alice", 1_767_225_600_000, b"hush").unwrap();
        for place in 0..entry.len() {
            for bit in 0..8 {
                let mut changed = entry.clone();
                changed[place] ^= 1 << bit;
                assert!(ring.open(Kind::Key, b"alice", &changed).is_none(), "bit {bit} of byte {place}");
            }
            assert!(ring.open(Kind::Key, b"alice", &entry[..place]).is_none(), "cut at {place}");
        }
    }

    #[test]
    fn an_old_key_opens_what_it_sealed_and_the_first_one_seals() {
        let entry = ring(&[OLD]).seal(Kind::Key, b"alice", 0, b"hush").unwrap();
        let both = ring(&[NEW, OLD]);
        assert_eq!(both.open(Kind::Key, b"alice", &entry).unwrap().as_slice(), b"hush");
        let entry = both.seal(Kind::Key, b"alice", 0, b"hush").unwrap();
        assert!(ring(&[OLD]).open(Kind::Key, b"alice", &entry).is_none());
        assert!(ring(&[NEW]).open(Kind::Key, b"alice", &entry).is_some());
    }

    #[test]
    fn a_key_of_the_same_name_but_other_bytes_opens_nothing() {
        let other = ring(&["new:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="]);
        let entry = ring(&[NEW]).seal(Kind::Key, b"alice", 0, b"hush").unwrap();
        assert!(other.open(Kind::Key, b"alice", &entry).is_none());
        assert_ne!(other.names(b"alice"), ring(&[NEW]).names(b"alice"));
    }

    #[test]
    fn entries_of_the_same_are_never_alike_and_show_nothing() {
        let ring = ring(&[NEW]);
        let [one, two] = [(); 2].map(|()| ring.seal(Kind::Key, b"alice", 0, b"hush hush").unwrap());
        assert_ne!(one, two);
        assert!(!one.windows(4).any(|part| part == b"hush" || part == b"alic"));
        assert!(!format!("{ring:?}").contains("AQEB"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "new",
            "new:",
            "new:AQEB",
            ":AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
            "a b:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        ] {
            assert!(SealingKey::parse(text).is_none(), "{text}");
        }
        assert!(Ring::new(&[]).is_err());
    }
}
