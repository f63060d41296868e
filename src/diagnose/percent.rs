//! Percent-decoding of what was pasted.

/// `text` decoded; in a query (`plus`) a `+` is a space. What is no escape stays, and what is no UTF-8 is replaced.
pub(super) fn decoded(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = (*first == b'%').then(|| after.first_chunk::<2>()).flatten().and_then(|digits| {
            let mut byte = [0];
            const_hex::decode_to_slice(digits, &mut byte).ok().map(|()| byte[0])
        });
        match (escaped, first) {
            (Some(byte), _) => bytes.push(byte),
            (None, b'+') if plus => bytes.push(b' '),
            (None, other) => bytes.push(*other),
        }
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn escapes_are_read_and_the_rest_stays() {
        assert_eq!(decoded("a%2Fb%20%zz%4+c%e4%b8%ad", false), "a/b %zz%4+c中");
        assert_eq!(decoded("a+b", true), "a b");
    }
}
