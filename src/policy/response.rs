//! What a download may say of its own type: a caller must not turn stored bytes into a page with script on the bucket's
//! domain.

use super::denied::Denied;
use super::grant::{Grant, is_content_type};

/// The types that no browser runs as a page or a script where the grant lists none. An allow-list: new types are refused
/// until they are known to be harmless. `image/svg+xml` is missing because it may hold script.
const HARMLESS: [&str; 27] = [
    "application/gzip",
    "application/octet-stream",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/zip",
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "image/avif",
    "image/bmp",
    "image/gif",
    "image/heic",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/csv",
    "text/plain",
    "video/mp4",
    "video/ogg",
    "video/webm",
];

/// Whether a `Content-Disposition` makes a browser save the answer, whatever its type. `attachment` has to be the whole
/// first token: a value that merely begins with it may mean something else.
pub(super) fn is_attachment(disposition: &str) -> bool {
    let kind = disposition.split(';').next().unwrap_or_default();
    kind.trim_ascii_end().eq_ignore_ascii_case("attachment")
}

/// Checks the two together: a type that the grant does not list is given as an attachment only.
pub(super) fn check(
    grant: &Grant,
    content_type: Option<&str>,
    content_disposition: Option<&str>,
) -> Result<(), Denied> {
    let attachment = content_disposition.is_some_and(is_attachment);
    if content_disposition.is_some() && !attachment && grant.object.forces_attachment() {
        let problem = "begins with \"attachment\" here: the grant's object.content_disposition does";
        return Err(Denied::parameter("responseContentDisposition", problem));
    }
    let Some(asked) = content_type else { return Ok(()) };
    if grant.content_types.iter().any(|allowed| allowed == asked) {
        return Ok(());
    }
    if !is_content_type(asked) {
        return Err(Denied::parameter("responseContentType", "is not of the form image/png"));
    }
    if attachment || (grant.content_types.is_empty() && is_harmless(asked)) {
        return Ok(());
    }
    Err(Denied::ResponseContentType { asked: asked.to_owned(), allowed: grant.content_types.clone() })
}

/// Whether `content_type` is one of [`HARMLESS`], with nothing behind it but a charset: a browser that reads several types
/// out of one header takes the last.
fn is_harmless(content_type: &str) -> bool {
    let (essence, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_charset = |text: &str| {
        let value =
            text.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("charset")).map(|(_, value)| value);
        value.is_some_and(|value| !value.is_empty() && value.bytes().all(plain))
    };
    let essence = essence.to_ascii_lowercase();
    HARMLESS.contains(&essence.as_str()) && (essence.len() == content_type.len() || is_charset(parameters.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_is_an_attachment() {
        for value in
            ["attachment", "Attachment", "ATTACHMENT; filename=a", "attachment ;filename=\"a;b\"", "attachment;"]
        {
            assert!(is_attachment(value), "{value:?}");
        }
        for value in [
            "",
            "inline",
            "attachments",
            "attachment,inline",
            "attachment, inline; a=b",
            "attachment inline",
            " attachment",
            "\tattachment",
            "\"attachment\"",
            "'attachment'",
            "attachmen",
            "inline; attachment",
            "inline; filename=\"attachment\"",
            ";attachment",
            "attachment\u{a0}",
            "ａttachment",
            "attachmentˉ",
        ] {
            assert!(!is_attachment(value), "{value:?}");
        }
    }

    #[test]
    fn no_type_that_a_browser_runs_is_harmless() {
        for value in ["image/png", "IMAGE/PNG", "text/plain; charset=utf-8", "text/plain;charset=gb18030", "video/mp4"]
        {
            assert!(is_harmless(value), "{value:?}");
        }
        for value in [
            "text/html",
            "TEXT/HTML",
            "text/html; charset=utf-8",
            "application/xhtml+xml",
            "image/svg+xml",
            "Image/SVG+xml",
            "text/xml",
            "application/xml",
            "application/atom+xml",
            "text/javascript",
            "application/javascript",
            "text/css",
            "application/x-shockwave-flash",
            "multipart/x-mixed-replace",
            "message/rfc822",
            "x/y",
            "image/png,text/html",
            "image/png, text/html",
            "image/png;a=b",
            "image/png;charset=utf-8,text/html",
            "text/plain; charset=utf-8; x=y",
            "text/plain; charset=\"utf-8\"",
            "text/plain;",
            " text/plain",
            "text/plain ",
            "text/plain\u{a0}",
            "text/plain;charset=",
        ] {
            assert!(!is_harmless(value), "{value:?}");
        }
    }
}
