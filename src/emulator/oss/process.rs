//! Which other objects the processing of an object (`x-oss-process`) reads. Nothing is processed here: what matters is that
//! a signature for one object does not read another one that the signer may not read.
//!
//! - An operation with a parameter `image_<key in Base64>` (watermarks) draws an object of the same bucket. The key may have
//!   a chain of its own, `key?x-oss-process=…`.
//! - `hls/sign` signs every address that a playlist names, with the rights of the one who signed the request.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use futures_util::TryStreamExt as _;
use url::Url;

use super::super::error::OssError;
use super::super::store::{Bucket, Object};
use super::super::wire::decode;
use super::address::check_key;
use super::call::Call;

/// Longest playlist in bytes, and how deep chains within chains are read.
const LONGEST_PLAYLIST: u64 = 1024 * 1024;
const DEEPEST: usize = 4;

const NAME: &str = "x-oss-process";

/// Keys in URL-safe Base64, with padding or without.
const KEYS: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a chain of operations reads and needs.
#[derive(Debug, Default, Eq, PartialEq)]
struct Chain {
    /// Other objects, in order of appearance.
    keys: Vec<String>,
    /// Whether it signs the addresses of a playlist.
    signs_playlist: bool,
    /// Whether it uses the intelligent media service, which needs a right of its own.
    uses_imm: bool,
    /// Whether it would save its result as an object.
    saves: bool,
}

/// The other objects that the request's chain reads, each of which the sender may read; `None` without a chain.
pub(super) async fn read(call: &Call<'_>, bucket: &Bucket, object: &Object) -> Result<Option<Vec<String>>, OssError> {
    let Some(text) = call.head.parameter(NAME)? else {
        return Ok(None);
    };
    let mut chain = Chain::default();
    chain.add(text, 0).ok_or_else(|| OssError::invalid_argument(NAME, text, "The chain cannot be read."))?;
    if chain.saves {
        return Err(OssError::not_implemented("saving what a chain of x-oss-process makes"));
    }
    if chain.uses_imm {
        call.allow_object("oss:ProcessImm", bucket, call.key())?;
    }
    if chain.signs_playlist {
        chain.keys.extend(named_by_playlist(call.key(), object).await?);
    }
    for key in &chain.keys {
        call.allow_read(bucket, key)?;
    }
    Ok(Some(chain.keys))
}

impl Chain {
    /// Adds what `text` says, such as `image/resize,w_100/watermark,image_<key>|sys/saveas,o_<key>`.
    fn add(&mut self, text: &str, depth: usize) -> Option<()> {
        for part in text.split('|') {
            let mut operations = part.split('/').map(str::trim);
            let service = operations.next().unwrap_or_default().to_ascii_lowercase();
            self.uses_imm |= service == "imm";
            for operation in operations {
                self.add_operation(&service, operation, depth)?;
            }
        }
        Some(())
    }

    fn add_operation(&mut self, service: &str, operation: &str, depth: usize) -> Option<()> {
        let mut parameters = operation.split(',');
        let name = parameters.next().unwrap_or_default().to_ascii_lowercase();
        self.signs_playlist |= service == "hls" && name == "sign";
        self.saves |= name == "saveas";
        for encoded in parameters.filter_map(|parameter| drawn(parameter.trim())) {
            let named = String::from_utf8(KEYS.decode(encoded).ok()?).ok()?;
            let (key, chain) = named.split_once('?').unwrap_or((&named, ""));
            check_key(key).ok()?;
            self.keys.push(key.to_owned());
            if let Some(chain) = chain.strip_prefix("x-oss-process=") {
                (depth < DEEPEST).then_some(())?;
                self.add(chain, depth + 1)?;
            }
        }
        Some(())
    }
}

/// What follows `image_`, in whatever case that is written.
fn drawn(parameter: &str) -> Option<&str> {
    let (name, key) = parameter.split_at_checked("image_".len())?;
    name.eq_ignore_ascii_case("image_").then_some(key)
}

/// The objects of the same bucket that a playlist names, each line read as an address beside the playlist's own.
async fn named_by_playlist(key: &str, object: &Object) -> Result<Vec<String>, OssError> {
    let size = object.content.size().min(LONGEST_PLAYLIST);
    let bytes: Vec<_> = object.content.read(0..size).try_collect().await?;
    let text = String::from_utf8_lossy(&bytes.concat()).into_owned();
    let mut own = Url::parse("oss://bucket/").expect("it is an address");
    own.set_path(key);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let addresses = lines.filter_map(|line| if line.starts_with('#') { within(line) } else { Some(line) });
    let here = addresses.filter_map(|line| own.join(line).ok()).filter(|url| url.host_str() == Some("bucket"));
    let keys = here.filter_map(|url| decode(url.path().trim_start_matches('/')));
    Ok(keys.filter(|key| check_key(key).is_ok()).collect())
}

/// The address in a tag such as `#EXT-X-KEY:METHOD=AES-128,URI="key"`.
fn within(tag: &str) -> Option<&str> {
    tag.split_once("URI=\"")?.1.split_once('"').map(|(address, _)| address)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chain(text: &str) -> Option<Chain> {
        let mut chain = Chain::default();
        chain.add(text, 0).map(|()| chain)
    }

    fn keys(text: &str) -> Vec<String> {
        chain(text).expect(text).keys
    }

    #[test]
    fn a_chain_names_the_objects_that_it_draws_wherever_they_stand() {
        let key = |text: &str| KEYS.encode(text);
        let (a, b) = (key("u/2/a"), key("é?x-oss-process=image/watermark,image_") + &key("b"));
        let nested = KEYS.encode(format!("a?x-oss-process=image/resize,w_1/watermark,image_{}", key("b")));
        for (text, expected) in [
            ("image/resize,w_100".to_owned(), vec![]),
            ("image/watermark,text_aGk".to_owned(), vec![]),
            ("style/own".to_owned(), vec![]),
            (format!("image/watermark,image_{a}"), vec!["u/2/a"]),
            (format!("image/watermark,image_{}", a.trim_end_matches('=')), vec!["u/2/a"]),
            (format!("image/resize,w_1/watermark,g_se,image_{a},t_9"), vec!["u/2/a"]),
            (format!("image/blindwatermark,image_{a}"), vec!["u/2/a"]),
            (format!("IMAGE/Watermark,Image_{a}"), vec!["u/2/a"]),
            (format!("image/resize,w_1|image/watermark,image_{a}"), vec!["u/2/a"]),
            (format!("image/watermark,image_{nested}"), vec!["a", "b"]),
        ] {
            assert_eq!(keys(&text), expected, "{text}");
        }
        assert_eq!(chain(&format!("image/watermark,image_{b}")), None);
        assert_eq!(chain("image/watermark,image_!"), None);
        assert_eq!(chain(&format!("image/watermark,image_{}", key("/a"))), None);
    }

    #[test]
    fn services_that_reach_further_are_recognised_in_any_case() {
        for text in ["hls/sign", "HLS/Sign,live_1", "image/resize,w_1|hls/sign"] {
            assert!(chain(text).unwrap().signs_playlist, "{text}");
        }
        assert!(chain("imm/previewdoc,copy_1").unwrap().uses_imm);
        for text in ["image/resize,w_1|sys/saveas,o_YQ", "sys/saveas,o_YQ,b_Yg", "video/convert|sys/SaveAs,o_YQ"] {
            assert!(chain(text).unwrap().saves, "{text}");
        }
    }

    #[test]
    fn chains_within_chains_come_to_an_end() {
        let mut text = "image/resize,w_1".to_owned();
        for _ in 0..=DEEPEST {
            text = format!("image/watermark,image_{}", KEYS.encode(format!("a?x-oss-process={text}")));
        }
        assert_eq!(chain(&text), None);
    }

    proptest! {
        #[test]
        fn no_chain_makes_the_parser_panic(text in "(image|/|,|\\||image_|[A-Za-z0-9_=-]{0,8}|é){0,12}") {
            let _ = chain(&text);
        }
    }
}
