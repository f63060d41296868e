//! What may be shown of a line that was signed.

/// Longer runs of Base64 may be a key, a token or a signature.
const KEY_LENGTH: usize = 40;

/// The longest line that is shown.
const MAX_CHARACTERS: usize = 400;

/// `line` without what may be a token: the value of every `security-token`, and each long run of Base64 that is no hash.
pub(super) fn masked(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let shown = match lower.find("security-token").map(|at| at + "security-token".len()) {
        Some(end) => {
            let value = &line[end..];
            let after = value.find('&').map_or("", |at| &value[at..]);
            format!("{}={}{}", &line[..end], hidden(value.len() - after.len() - 1), without_runs(after))
        }
        None => without_runs(line),
    };
    shown.chars().map(|c| if c.is_control() { '␀' } else { c }).take(MAX_CHARACTERS).collect()
}

fn hidden(length: usize) -> String {
    format!("…({length} characters)")
}

fn without_runs(line: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut shown = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let run = rest.find(|c| !is_base64(c)).unwrap_or(rest.len());
        match run {
            0 => shown.push(first),
            _ if is_secret(&rest[..run]) => shown.push_str(&hidden(run)),
            _ => shown.push_str(&rest[..run]),
        }
        rest = &rest[run.max(first.len_utf8())..];
    }
    shown
}

/// A hash in hexadecimal tells nothing, and a path has slashes between short names.
fn is_secret(run: &str) -> bool {
    let hash = run.len() == 64 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    !hash && run.split('/').any(|piece| piece.len() >= KEY_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_token_is_never_shown() {
        let token = "CAIS".repeat(30);
        for line in [
            format!("x-oss-security-token:{token}"),
            format!("/b/k?security-token={token}&uploads"),
            format!("x-oss-security-token={token}"),
            token.clone(),
        ] {
            let shown = masked(&line);
            assert!(!shown.contains("CAISCAIS") && shown.contains("…("), "{shown}");
        }
        assert!(masked(&format!("/b/k?security-token={token}&uploads")).ends_with("&uploads"));
    }

    #[test]
    fn the_rest_stays() {
        let hash = "0123456789abcdef".repeat(4);
        for line in ["PUT", "/examplebucket/uploads/photo 1.png", "text/plain;charset=utf-8", &hash] {
            assert_eq!(masked(line), line);
        }
    }
}
