//! What runs in browsers: the demo page that `dev` serves, `oss-vend.js`, the module for pages that want no SDK, and the
//! folder of an operator's own pages.
//!
//! All but that folder is in the binary and uses no inline script or style, so that a strict content security policy can stand.

mod routes;
mod static_files;

pub use routes::{demo, module};
pub use static_files::static_files;

/// A file that is part of the program.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// The `Content-Type` to serve it with.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: &'static [u8],
    /// A strong entity tag, quoted as the `ETag` header wants it.
    pub etag: &'static str,
}

/// The asset at the URL path `path`, which begins with a slash.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    match path {
        "/" | "/index.html" => Some(INDEX),
        "/demo.css" => Some(STYLE),
        "/demo.js" => Some(PAGE),
        "/oss-vend.js" => Some(MODULE),
        _ => None,
    }
}

macro_rules! embed {
    ($file:literal, $content_type:literal) => {{
        const BODY: &[u8] = include_bytes!($file);
        const TAG: [u8; 18] = entity_tag(BODY);
        const TEXT: &str = match str::from_utf8(&TAG) {
            Ok(text) => text,
            Err(_) => panic!("hexadecimal digits are UTF-8"),
        };
        Asset { content_type: $content_type, body: BODY, etag: TEXT }
    }};
}

const INDEX: Asset = embed!("index.html", "text/html; charset=utf-8");
const STYLE: Asset = embed!("demo.css", "text/css; charset=utf-8");
const PAGE: Asset = embed!("demo.js", "text/javascript; charset=utf-8");
const MODULE: Asset = embed!("oss-vend.js", "text/javascript; charset=utf-8");

/// FNV-1a in quoted hexadecimal. It tells builds apart and is computed at compile time; nobody relies on it for more.
const fn entity_tag(body: &[u8]) -> [u8; 18] {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < body.len() {
        hash = (hash ^ body[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    let mut tag = [b'"'; 18];
    let mut digit = 0;
    while digit < 16 {
        tag[digit + 1] = b"0123456789abcdef"[((hash >> (60 - 4 * digit)) & 0xf) as usize];
        digit += 1;
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 4] = ["/", "/demo.css", "/demo.js", "/oss-vend.js"];

    #[test]
    fn the_entity_tag_is_fnv_1a() {
        assert_eq!(&entity_tag(b""), b"\"cbf29ce484222325\"");
        assert_eq!(&entity_tag(b"foobar"), b"\"85944171f73967e8\"");
    }

    #[test]
    fn every_asset_has_its_own_quoted_tag() {
        let mut tags: Vec<_> = PATHS.map(|path| asset(path).unwrap().etag).into();
        assert!(tags.iter().all(|tag| tag.len() == 18 && tag.starts_with('"') && tag.ends_with('"')));
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), PATHS.len());
    }

    #[test]
    fn the_page_loads_only_assets_that_exist() {
        let page = str::from_utf8(INDEX.body).unwrap();
        let loaded =
            ["src=\"", "rel=\"stylesheet\" href=\""].map(|mark| page.split(mark).skip(1)).into_iter().flatten();
        let paths: Vec<_> = loaded.filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(paths, ["/demo.js", "/demo.css"]);
        assert!(paths.into_iter().all(|path| asset(path).is_some()));
    }

    #[test]
    fn the_page_has_nothing_inline() {
        let page = str::from_utf8(INDEX.body).unwrap();
        assert!(!page.contains("style="));
        assert!(!page.contains("<style"));
        assert!(!page.contains("onclick="));
        assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=").count());
    }

    #[test]
    fn what_is_not_ours_is_not_found() {
        assert!(asset("/mod.rs").is_none());
        assert!(asset("").is_none());
    }
}
